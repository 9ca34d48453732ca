using System.Net;
using System.Net.Sockets;

namespace NexusD.Conformance.Tests.Driver;

/// <summary>
/// Stands between a client and its daemon's Unix socket, to break connections at chosen moments: at once, or after the
/// daemon has got what the client sent and before its answers go back.
/// </summary>
internal sealed class Proxy : IAsyncDisposable
{
    private readonly Socket _front = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly CancellationTokenSource _stop = new();
    private readonly string _target;
    private readonly Lock _gate = new();
    private readonly List<(Socket Client, Socket Daemon)> _pairs = [];
    private readonly List<Task> _pumps = [];
    private readonly Task _accepting;

    internal Proxy(string daemonSocket)
    {
        _target = daemonSocket;
        _front.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _front.Listen();
        _accepting = AcceptAsync();
    }

    internal string Address => $"127.0.0.1:{((IPEndPoint)_front.LocalEndPoint!).Port}";

    /// <summary>While true connections are taken and closed at once.</summary>
    internal bool IsClosed { get; set; }

    /// <summary>While true nothing that the daemon says goes back.</summary>
    internal bool IsMute { get; set; }

    /// <summary>Breaks all connections.</summary>
    internal void Break()
    {
        lock (_gate)
        {
            foreach ((Socket client, Socket daemon) in _pairs)
            {
                client.Close();
                daemon.Close();
            }

            _pairs.Clear();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _front.Dispose();
        await _accepting;
        Break();
        await Task.WhenAll(_pumps);
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                Socket client = await _front.AcceptAsync(_stop.Token);
                if (IsClosed)
                {
                    client.Close();
                    continue;
                }

                client.NoDelay = true;
                var daemon = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await daemon.ConnectAsync(new UnixDomainSocketEndPoint(_target), _stop.Token);
                lock (_gate)
                {
                    _pairs.Add((client, daemon));
                }

                _pumps.Add(PumpAsync(client, daemon, isAnswer: false));
                _pumps.Add(PumpAsync(daemon, client, isAnswer: true));
            }
            catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
            {
                // A daemon that is not there, or the end.
            }
        }
    }

    private async Task PumpAsync(Socket from, Socket to, bool isAnswer)
    {
        var buffer = new byte[65_536];
        try
        {
            int count;
            while ((count = await from.ReceiveAsync(buffer, _stop.Token)) > 0)
            {
                if (isAnswer && IsMute)
                {
                    continue;
                }

                await to.SendAsync(buffer.AsMemory(0, count), _stop.Token);
            }
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // Broken on purpose, or by one of the two.
        }

        from.Close();
        to.Close();
    }
}
