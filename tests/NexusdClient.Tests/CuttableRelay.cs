using System.Net.Sockets;

namespace NexusdClient.Tests;

/// <summary>
/// Stands between clients and a daemon, and breaks their connections wherever these are at the moment.
/// </summary>
internal sealed class CuttableRelay : IAsyncDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("nexusd-relay-");
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly List<(Socket Client, Socket Daemon)> _pairs = [];
    private readonly Lock _gate = new();
    private readonly string _daemon;
    private readonly Task _accepting;

    /// <param name="daemon">Address of the daemon, <c>unix:PATH</c>.</param>
    internal CuttableRelay(string daemon)
    {
        _daemon = daemon["unix:".Length..];
        var path = Path.Combine(_folder.FullName, "s");
        Address = "unix:" + path;
        _listener.Bind(new UnixDomainSocketEndPoint(path));
        _listener.Listen();
        _accepting = AcceptAsync();
    }

    internal string Address { get; }

    /// <summary>Connections so far.</summary>
    internal int Accepted { get; private set; }

    /// <summary>Breaks every connection: what is on its way in either direction is lost.</summary>
    internal void CutAll()
    {
        lock (_gate)
        {
            foreach (var (client, daemon) in _pairs)
            {
                client.Dispose();
                daemon.Dispose();
            }

            _pairs.Clear();
        }
    }

    public async ValueTask DisposeAsync()
    {
        _listener.Dispose();
        CutAll();
        await _accepting;
        CutAll();
        _folder.Delete(recursive: true);
    }

    private async Task AcceptAsync()
    {
        while (true)
        {
            try
            {
                var client = await _listener.AcceptAsync();
                var daemon = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                lock (_gate)
                {
                    _pairs.Add((client, daemon));
                    Accepted++;
                }

                await daemon.ConnectAsync(new UnixDomainSocketEndPoint(_daemon));
                _ = PumpAsync(client, daemon);
                _ = PumpAsync(daemon, client);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                if (!_listener.IsBound || e is SocketException { SocketErrorCode: SocketError.OperationAborted })
                {
                    return;
                }
            }
        }
    }

    private static async Task PumpAsync(Socket from, Socket to)
    {
        var buffer = new byte[64 * 1024];
        try
        {
            int came;
            while ((came = await from.ReceiveAsync(buffer)) > 0)
            {
                for (var sent = 0; sent < came;)
                {
                    sent += await to.SendAsync(buffer.AsMemory(sent, came - sent));
                }
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // It was cut.
        }

        from.Dispose();
        to.Dispose();
    }
}
