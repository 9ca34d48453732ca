using System.Net.Sockets;

namespace NexusdBench.Chaos;

/// <summary>
/// A Unix socket in front of a daemon's, so that the connection of one client can be broken while both programs live.
/// </summary>
internal sealed class StreamRelay : IAsyncDisposable
{
    private const int PieceBytes = 65_536;

    private readonly Socket _listener = NewSocket();
    private readonly string _path;
    private readonly string _target;
    private readonly Lock _gate = new();
    private readonly HashSet<Socket> _open = [];
    private readonly Task _accepting;

    /// <param name="path">Where to listen; must not exist.</param>
    /// <param name="target">Path of the daemon's socket.</param>
    internal StreamRelay(string path, string target)
    {
        _path = path;
        _target = target;
        _listener.Bind(new UnixDomainSocketEndPoint(path));
        _listener.Listen();
        _accepting = AcceptAsync();
    }

    internal string Address => "unix:" + _path;

    /// <summary>Breaks every connection.</summary>
    internal void Break()
    {
        lock (_gate)
        {
            foreach (var socket in _open)
            {
                socket.Dispose();
            }

            _open.Clear();
        }
    }

    public async ValueTask DisposeAsync()
    {
        _listener.Dispose();
        await _accepting;
        Break();
    }

    private static Socket NewSocket() => new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _ = ServeAsync(await _listener.AcceptAsync());
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The relay has ended.
        }
    }

    private async Task ServeAsync(Socket client)
    {
        var daemon = NewSocket();
        lock (_gate)
        {
            _open.Add(client);
            _open.Add(daemon);
        }

        try
        {
            await daemon.ConnectAsync(new UnixDomainSocketEndPoint(_target));
            await Task.WhenAll(PumpAsync(client, daemon), PumpAsync(daemon, client));
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Broken by either side, or on purpose.
        }
        finally
        {
            lock (_gate)
            {
                _open.Remove(client);
                _open.Remove(daemon);
            }

            client.Dispose();
            daemon.Dispose();
        }
    }

    private static async Task PumpAsync(Socket from, Socket to)
    {
        var piece = new byte[PieceBytes];
        try
        {
            int bytes;
            while ((bytes = await from.ReceiveAsync(piece)) > 0)
            {
                await SendAllAsync(to, piece.AsMemory(0, bytes));
            }

            to.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // What one side does not take any more ends the other as well.
            from.Dispose();
            to.Dispose();
        }
    }

    private static async Task SendAllAsync(Socket to, ReadOnlyMemory<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            bytes = bytes[await to.SendAsync(bytes)..];
        }
    }
}
