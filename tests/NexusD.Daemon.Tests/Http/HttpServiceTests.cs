using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using NexusD.Daemon.Http;
using NexusD.Daemon.Options;

namespace NexusD.Daemon.Tests.Http;

/// <summary>The HTTP side with real sockets.</summary>
public sealed class HttpServiceTests
{
    private static readonly ListenPort _off = new(IsOff: true, 0);
    private static readonly ListenPort _anyFree = new(IsOff: false, 0);

    [Fact]
    public async Task Health_and_metrics_have_ports_of_their_own()
    {
        await using HttpService service = Bind(_anyFree, _anyFree);
        await service.StartAsync();
        using var client = new HttpClient();

        Assert.Equal("ok\n", await client.GetStringAsync(UriOf(service.Health!, "/healthz?x=1")));
        Assert.Equal("ready\n", await client.GetStringAsync(UriOf(service.Metrics!, "/readyz")));
        HttpResponseMessage metrics = await client.GetAsync(UriOf(service.Metrics!, "/metrics"));
        Assert.Equal("text/plain; version=0.0.4; charset=utf-8", metrics.Content.Headers.ContentType!.ToString());
        HttpResponseMessage elsewhere = await client.GetAsync(UriOf(service.Health!, "/metrics"));
        Assert.Equal(HttpStatusCode.NotFound, elsewhere.StatusCode);
    }

    [Fact]
    public async Task Other_methods_are_answered_with_what_is_possible()
    {
        await using HttpService service = Bind(_anyFree, _off);
        await service.StartAsync();
        using var client = new HttpClient();
        HttpResponseMessage answer = await client.PostAsync(UriOf(service.Health!, "/healthz"), null);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, answer.StatusCode);
        Assert.Equal(["GET", "HEAD"], answer.Content.Headers.Allow);
        using var head = new HttpRequestMessage(HttpMethod.Head, UriOf(service.Health!, "/healthz"));
        Assert.Equal(HttpStatusCode.OK, (await client.SendAsync(head)).StatusCode);
    }

    [Fact]
    public async Task A_taken_health_port_is_told_and_stops_nothing()
    {
        using Socket taken = ListenSocket.Bind(IPAddress.Loopback, 0);
        int port = ((IPEndPoint)taken.LocalEndPoint!).Port;
        await using HttpService service = Bind(new ListenPort(false, port), _anyFree);
        await service.StartAsync();
        Assert.True(service.HealthPortConflict);
        Assert.Null(service.Health);
        using var client = new HttpClient();
        Assert.Equal("ok\n", await client.GetStringAsync(UriOf(service.Metrics!, "/healthz")));
    }

    [Fact]
    public void A_taken_metrics_port_ends_the_start_with_a_text_that_says_what_to_do()
    {
        using Socket taken = ListenSocket.Bind(IPAddress.Loopback, 0);
        int port = ((IPEndPoint)taken.LocalEndPoint!).Port;
        var e = Assert.Throws<StartException>(() => Bind(_off, new ListenPort(false, port)));
        Assert.Contains($"metrics port {port}", e.Message, StringComparison.Ordinal);
        Assert.Contains("--metrics-port", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_port_may_serve_both()
    {
        int port;
        using (Socket free = ListenSocket.Bind(IPAddress.Loopback, 0))
        {
            port = ((IPEndPoint)free.LocalEndPoint!).Port;
        }

        await using HttpService service = Bind(new ListenPort(false, port), new ListenPort(false, port));
        await service.StartAsync();
        Assert.Equal(service.Metrics, service.Health);
        Assert.False(service.HealthPortConflict);
        using var client = new HttpClient();
        Assert.Equal("ok\n", await client.GetStringAsync(UriOf(service.Health!, "/healthz")));
        string metrics = await client.GetStringAsync(UriOf(service.Health!, "/metrics"));
        Assert.Contains("nexusd_uptime_seconds", metrics, StringComparison.Ordinal);
    }

    [Fact]
    public async Task With_both_off_nothing_is_served()
    {
        await using HttpService service = Bind(_off, _off);
        await service.StartAsync();
        Assert.Null(service.Health);
        Assert.Null(service.Metrics);
    }

    private static HttpService Bind(ListenPort health, ListenPort metrics) => HttpService.Bind(
        new HttpSettings(IPAddress.Loopback, health, metrics, "/metrics"), new SampleNode(), NullLogger.Instance);

    private static Uri UriOf(IPEndPoint endPoint, string path) => new($"http://{endPoint}{path}");
}
