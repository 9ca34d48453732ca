using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using NexusD.Daemon.Logging;

namespace NexusD.Daemon.Http;

/// <summary>
/// The HTTP side: probes and metrics by Kestrel, bare of everything that they do not need. Owns its sockets and
/// threads; sees
/// the node only as <see cref="INodeProbe"/>.
/// </summary>
internal sealed class HttpService : IAsyncDisposable
{
    private const int MaxConnections = 256;

    private readonly HttpResponder _responder;
    private readonly ILogger _log;
    private readonly Queue<Socket> _bound = new();
    private WebApplication? _server;

    private HttpService(HttpSettings settings, INodeProbe node, ILogger log)
    {
        _responder = new HttpResponder(node, settings.Metrics.IsOff ? null : settings.MetricsPath);
        _log = log;
    }

    /// <summary>Where probes are served; null when that is off or the port was in use.</summary>
    public IPEndPoint? Health { get; private set; }

    /// <summary>Where metrics are served, or null.</summary>
    public IPEndPoint? Metrics { get; private set; }

    /// <summary>Whether the health port was in use.</summary>
    public bool HealthPortConflict { get; private set; }

    /// <summary>Binds the ports; nothing is served before <see cref="StartAsync"/>.</summary>
    /// <exception cref="StartException">The metrics port cannot be bound.</exception>
    public static HttpService Bind(HttpSettings settings, INodeProbe node, ILogger log)
    {
        var service = new HttpService(settings, node, log);
        service.BindMetrics(settings);
        service.BindHealth(settings);
        return service;
    }

    /// <summary>Begins to serve; returns at once when there is nothing to serve.</summary>
    public async Task StartAsync()
    {
        if (_bound.Count == 0)
        {
            return;
        }

        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        Socket[] sockets = [.. _bound];
        builder.WebHost.UseKestrelCore();
        builder.WebHost.UseSockets(options =>
        {
            options.IOQueueCount = 1;
            options.CreateBoundListenSocket = _ => _bound.Dequeue();
        });
        builder.WebHost.ConfigureKestrel(options => Configure(options, sockets));
        _server = builder.Build();
        _server.Run(ServeAsync);
        await _server.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
        {
            using var soon = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));
            await _server.StopAsync(soon.Token);
            await _server.DisposeAsync();
        }

        while (_bound.TryDequeue(out Socket? unused))
        {
            unused.Dispose();
        }
    }

    private static void Configure(KestrelServerOptions options, Socket[] sockets)
    {
        options.AddServerHeader = false;
        options.AllowSynchronousIO = false;
        options.Limits.MaxConcurrentConnections = MaxConnections;
        options.Limits.MaxRequestBodySize = 0;
        options.Limits.MaxRequestHeadersTotalSize = 16 * 1024;
        options.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(5);
        options.Limits.KeepAliveTimeout = TimeSpan.FromSeconds(75); // above the usual scrape and probe intervals
        foreach (Socket socket in sockets)
        {
            options.Listen((IPEndPoint)socket.LocalEndPoint!, listen => listen.Protocols = HttpProtocols.Http1);
        }
    }

    private void BindMetrics(HttpSettings settings)
    {
        if (settings.Metrics.IsOff)
        {
            return;
        }

        try
        {
            Socket socket = ListenSocket.Bind(settings.Bind, settings.Metrics.Number);
            _bound.Enqueue(socket);
            Metrics = (IPEndPoint)socket.LocalEndPoint!;
        }
        catch (SocketException e)
        {
            throw new StartException(
                $"the metrics port {settings.Metrics} cannot be opened ({e.Message});"
                + " choose another with --metrics-port, or leave out --metrics-enabled");
        }
    }

    private void BindHealth(HttpSettings settings)
    {
        if (settings.Health.IsOff)
        {
            return;
        }

        if (Metrics is not null && settings.Health.Number == settings.Metrics.Number && settings.Health.Number != 0)
        {
            Health = Metrics; // one port for both
            return;
        }

        try
        {
            Socket socket = ListenSocket.Bind(settings.Bind, settings.Health.Number);
            _bound.Enqueue(socket);
            Health = (IPEndPoint)socket.LocalEndPoint!;
        }
        catch (SocketException e)
        {
            HealthPortConflict = true;
            DaemonLog.HealthPortConflict(_log, settings.Health.Number, e.Message);
        }
    }

    private async Task ServeAsync(HttpContext context)
    {
        try
        {
            HttpRequest request = context.Request;
            bool atMetricsPort = Metrics is { } metrics && context.Connection.LocalPort == metrics.Port;
            string path = request.Path.Value ?? "/";
            HttpAnswer answer = await _responder.AnswerAsync(request.Method, path, atMetricsPort);
            HttpResponse response = context.Response;
            response.StatusCode = answer.Status;
            response.ContentType = answer.ContentType;
            response.ContentLength = answer.Body.Length;
            if (answer.Status == StatusCodes.Status405MethodNotAllowed)
            {
                response.Headers.Allow = "GET, HEAD";
            }

            if (!HttpMethods.IsHead(request.Method))
            {
                await response.Body.WriteAsync(answer.Body, context.RequestAborted);
            }
        }
        catch (OperationCanceledException)
        {
            // The caller went away.
        }
        catch (IOException)
        {
            // The caller went away while the answer was written.
        }
        catch (Exception e)
        {
            DaemonLog.HttpFault(_log, e);
            throw;
        }
    }
}
