using System.Diagnostics;
using System.Net;
using NexusD.Buffers;
using NexusD.Loops;
using NexusD.Quic;

namespace NexusD.QuicBench;

/// <summary>Sends as fast as it goes, or pings, or holds idle connections; then says what it cost.</summary>
internal sealed class Client : IQuicConnectionHandler
{
    /// <summary>Bytes kept in the engine: twice the receive window, so that it never runs dry.</summary>
    private const long MaxUnacknowledged = 8 * 1024 * 1024;

    private const int PingBytes = 100;
    private const int WarmUpPings = 1000;

    private readonly EventLoop _loop;
    private readonly SlabPool _pool = new(2 * MaxUnacknowledged);
    private readonly Figures _figures = new();
    private readonly BenchOptions _options;
    private readonly List<long> _streams = [];
    private readonly List<double> _roundTrips = new(1_000_000);
    private long _bytes;
    private long _sentAt;
    private int _echoed;
    private int _connected;
    private int _next;
    private bool _finished;
    private Action _connect = () => { };

    private Client(BenchOptions options, EventLoop loop)
    {
        _options = options;
        _loop = loop;
    }

    public static int Run(BenchOptions options)
    {
        using var loop = new EventLoop();
        var client = new Client(options, loop);
        using IQuicEndpoint endpoint = QuicEndpoint.Create(
            options.Engine, loop, Credentials.Options(options, client._pool, accept: null));
        client._connect = () => endpoint.Connect(
            new QuicConnectOptions { Remote = new IPEndPoint(IPAddress.Loopback, options.Port) }, client);
        client._connect();
        loop.Run();
        return 0;
    }

    public void OnConnected(IQuicConnection connection)
    {
        _connected++;
        if (_options.Mode == "idle")
        {
            HoldIdle();
            return;
        }

        for (int i = 0; i < _options.Streams; i++)
        {
            _streams.Add(connection.OpenStream(unidirectional: _options.Mode == "stream"));
        }

        _figures.Start();
        if (_options.Mode == "ping")
        {
            Ping(connection);
        }
        else
        {
            Fill(connection);
        }
    }

    public void OnStreamOpened(IQuicConnection connection, long stream, bool unidirectional)
    {
    }

    public void OnStreamData(IQuicConnection connection, long stream, ReadOnlySpan<byte> data, bool end)
    {
        connection.Consume(stream, data.Length);
        _echoed += data.Length;
        if (_echoed < PingBytes)
        {
            return;
        }

        _roundTrips.Add(Stopwatch.GetElapsedTime(_sentAt).TotalMicroseconds);
        if (_figures.Seconds < _options.Seconds)
        {
            Ping(connection);
            return;
        }

        _roundTrips.RemoveRange(0, Math.Min(WarmUpPings, _roundTrips.Count / 2));
        _roundTrips.Sort();
        Console.WriteLine(
            $"ping     {_roundTrips.Count} round trips  p50 {At(0.5):F1} us  p90 {At(0.9):F1}  " +
            $"p99 {At(0.99):F1}  p99.9 {At(0.999):F1}");
        connection.Close(0, "done");
    }

    public void OnStreamAborted(IQuicConnection connection, long stream, bool sendingSide, ulong errorCode)
    {
    }

    public void OnSendProgress(IQuicConnection connection)
    {
        if (_options.Mode != "stream")
        {
            return;
        }

        if (_figures.Seconds < _options.Seconds)
        {
            Fill(connection);
        }
        else if (connection.UnacknowledgedBytes == 0 && !_finished)
        {
            _finished = true;
            Console.WriteLine(_figures.Report("sender", _bytes));
            Console.WriteLine($"         {connection.GetStatistics()}");
            connection.Close(0, "done");
        }
    }

    public void OnClosed(IQuicConnection connection, QuicCloseInfo info)
    {
        if (info.Kind != QuicCloseKind.Local)
        {
            Console.WriteLine($"the connection ended: {info}");
        }

        if (--_connected <= 0)
        {
            _loop.Stop();
        }
    }

    private void Fill(IQuicConnection connection)
    {
        while (connection.UnacknowledgedBytes < MaxUnacknowledged)
        {
            Slab slab = _pool.Rent();
            for (int at = 0; at + _options.SlabBytes <= slab.Capacity; at += _options.SlabBytes)
            {
                slab.Retain();
                connection.Write(_streams[_next++ % _streams.Count], slab, at, _options.SlabBytes);
                _bytes += _options.SlabBytes;
            }

            slab.Release();
        }
    }

    private void Ping(IQuicConnection connection)
    {
        Slab slab = _pool.Rent();
        _echoed = 0;
        _sentAt = Stopwatch.GetTimestamp();
        connection.Write(_streams[0], slab, 0, PingBytes);
    }

    private void HoldIdle()
    {
        if (_connected < _options.Connections)
        {
            _connect(); // one after the other: memory at rest is asked for, not that of many handshakes at once
        }
        else
        {
            Console.WriteLine($"idle client: {_connected} connections, rss {Environment.WorkingSet / 1e6:F1} MB");
            _loop.CreateTimer(_loop.Stop).SetAfter(TimeSpan.FromSeconds(_options.Seconds));
        }
    }

    private double At(double quantile) => _roundTrips[(int)(quantile * (_roundTrips.Count - 1))];
}
