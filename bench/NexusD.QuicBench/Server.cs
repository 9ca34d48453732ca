using NexusD.Buffers;
using NexusD.Loops;
using NexusD.Quic;

namespace NexusD.QuicBench;

/// <summary>Takes everything and, in ping mode, sends it back. Ends when the last client has left.</summary>
internal sealed class Server : IQuicConnectionHandler
{
    private readonly EventLoop _loop;
    private readonly SlabPool _pool = new();
    private readonly Figures _figures = new();
    private readonly BenchOptions _options;
    private long _bytes;
    private int _connections;

    private Server(BenchOptions options, EventLoop loop)
    {
        _options = options;
        _loop = loop;
    }

    public static int Run(BenchOptions options)
    {
        using var loop = new EventLoop();
        var server = new Server(options, loop);
        using IQuicEndpoint endpoint = QuicEndpoint.Create(
            options.Engine, loop, Credentials.Options(options, server._pool, _ => server));
        Console.WriteLine($"listening {endpoint.LocalEndPoint.Port}");
        loop.Run();
        Console.WriteLine(server._figures.Report("receiver", server._bytes));
        return 0;
    }

    public void OnConnected(IQuicConnection connection)
    {
        _connections++;
        if (_options.Mode == "idle" && _connections == _options.Connections)
        {
            Console.WriteLine($"idle server: {_connections} connections, rss {Environment.WorkingSet / 1e6:F1} MB");
        }
    }

    public void OnStreamOpened(IQuicConnection connection, long stream, bool unidirectional)
    {
    }

    public void OnStreamData(IQuicConnection connection, long stream, ReadOnlySpan<byte> data, bool end)
    {
        if (!_figures.Started)
        {
            _figures.Start();
        }

        _bytes += data.Length;
        connection.Consume(stream, data.Length);
        if (_options.Mode == "ping" && data.Length > 0)
        {
            Slab slab = _pool.Rent();
            data.CopyTo(slab.Span);
            connection.Write(stream, slab, 0, data.Length);
        }
    }

    public void OnStreamAborted(IQuicConnection connection, long stream, bool sendingSide, ulong errorCode)
    {
    }

    public void OnSendProgress(IQuicConnection connection)
    {
    }

    public void OnClosed(IQuicConnection connection, QuicCloseInfo info)
    {
        if (--_connections == 0)
        {
            _loop.Stop();
        }
    }
}
