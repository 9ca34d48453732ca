using NexusD.Buffers;
using NexusD.Quic.Tests.Support;
using Xunit;

namespace NexusD.Quic.Tests.Ngtcp2;

/// <summary>
/// What a connection may cost, and that mistakes of users stay theirs. Alone: it measures the process's memory.
/// </summary>
[Collection(nameof(Alone))]
public class ResourceTests
{
    private const QuicEngineKind Kind = QuicEngineKind.Ngtcp2;
    private const int MiB = 1024 * 1024;

    [Fact]
    public void Moving_bytes_allocates_nothing()
    {
        var server = new Meter();
        using var host = new QuicHost(Kind) { Accepting = _ => server };
        using var sender = new QuicHost(Kind, accepts: false);
        var client = new Meter { Refill = sender.Pool, Left = 64 * MiB };
        sender.Do(() => sender.Endpoint.Connect(new QuicConnectOptions { Remote = host.Address }, client));
        client.Wait(m => m.Connection is not null, "the client to be connected");
        sender.Do(() =>
        {
            client.Stream = client.Connection!.OpenStream(unidirectional: true);
            client.OnSendProgress(client.Connection);
        });
        client.Wait(m => m.Done, "all to be sent");
        Assert.InRange(server.Allocated + client.Allocated, 0, 64 * 1024);
        Assert.True(server.Bytes >= 48 * MiB);
    }

    [Fact]
    public void Idle_connections_are_small()
    {
        const int Count = 200;
        const int MaxBytesEach = 300 * 1024; // both ends, under the JIT; the native figure is in docs/PERFORMANCE.md
        using var server = new QuicHost(Kind, o => o with { RetryAboveHandshakes = 1000 });
        using var client = new QuicHost(Kind, accepts: false);
        Connect(server, client, 20, 0); // what the first ones load stays out of the sum
        long before = Environment.WorkingSet;
        Connect(server, client, Count, 20);
        long each = (Environment.WorkingSet - before) / Count;
        Assert.InRange(each, long.MinValue, MaxBytesEach);
        Assert.Equal(Count + 20, server.Statistics.Connections);
    }

    [Fact]
    public void A_handler_that_throws_ends_its_connection_and_is_reported()
    {
        var faulty = new Recorder { WhenData = (_, _, _, _) => throw new InvalidOperationException("my mistake") };
        using var pair = new Pair(Kind, serverSide: () => faulty);
        pair.Server.FaultsExpected = true;
        long stream = pair.Open(unidirectional: true);
        pair.Client.Write(pair.Connection, stream, new byte[1]);
        QuicCloseInfo near = pair.ServerSide.WaitClosed();
        QuicCloseInfo far = pair.ClientSide.WaitClosed();

        Assert.Equal((QuicCloseKind.LocalTransport, 1UL), (near.Kind, near.ErrorCode));
        Assert.Contains("my mistake", near.Reason, StringComparison.Ordinal);
        Assert.Equal((QuicCloseKind.PeerTransport, 1UL), (far.Kind, far.ErrorCode));
        Assert.DoesNotContain("my mistake", far.Reason, StringComparison.Ordinal);
        Assert.Contains(pair.Server.Faults, f => f.Message == "my mistake");
    }

    [Fact]
    public void Options_out_of_range_are_refused_by_name()
    {
        QuicEndpointOptions good;
        using (var host = new QuicHost(Kind, accepts: false))
        {
            good = host.Options(null);
        }

        (string Name, QuicEndpointOptions Bad)[] cases =
        [
            (nameof(good.IdleTimeout), good with { IdleTimeout = TimeSpan.Zero }),
            (nameof(good.HandshakeTimeout), good with { HandshakeTimeout = TimeSpan.FromHours(1) }),
            (nameof(good.KeepAlive), good with { KeepAlive = TimeSpan.FromTicks(1) }),
            (nameof(good.ConnectionWindowBytes), good with { ConnectionWindowBytes = 1 }),
            (nameof(good.StreamWindowBytes), good with { StreamWindowBytes = int.MaxValue }),
            (nameof(good.MaxPeerStreams), good with { MaxPeerStreams = 0 }),
            (nameof(good.MaxConnections), good with { MaxConnections = 0 }),
            (nameof(good.RetryAboveHandshakes), good with { RetryAboveHandshakes = -1 }),
            (nameof(good.MaxUdpPayloadBytes), good with { MaxUdpPayloadBytes = 1199 }),
            ("protocol", good with { Alpn = "" }),
            ("reset secret", good with { ResetSecret = new byte[5] }),
        ];
        using var loop = new Loops.EventLoop();
        foreach ((string name, QuicEndpointOptions bad) in cases)
        {
            ArgumentException e = Assert.ThrowsAny<ArgumentException>(() => QuicEndpoint.Create(Kind, loop, bad));
            Assert.Contains(name, e.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void An_address_in_use_is_a_clear_error()
    {
        using var host = new QuicHost(Kind);
        using var loop = new Loops.EventLoop();
        var e = Assert.Throws<System.Net.Sockets.SocketException>(
            () => QuicEndpoint.Create(Kind, loop, host.Options(null) with { Bind = host.Address }));
        Assert.Contains(host.Address.ToString(), e.Message, StringComparison.Ordinal);
    }

    private static void Connect(QuicHost server, QuicHost client, int count, int offset)
    {
        for (int i = 0; i < count; i++)
        {
            var handler = new Recorder { KeepBytes = false };
            client.Connect(server.Address, handler);
            handler.Wait(r => r.IsConnected, "the client to be connected");
            server.WaitAccepted(offset + i);
        }
    }

    /// <summary>Counts what its loop's thread allocates between a quarter and the end of a transfer.</summary>
    private sealed class Meter : IQuicConnectionHandler
    {
        private readonly object _gate = new();
        private long _allocatedBefore = -1;

        public SlabPool? Refill { get; init; }

        public long Left { get; set; }

        public long Stream { get; set; } = -1;

        public IQuicConnection? Connection { get; private set; }

        public long Bytes { get; private set; }

        public long Allocated { get; private set; }

        public bool Done { get; private set; }

        public void Wait(Func<Meter, bool> condition, string what)
        {
            lock (_gate)
            {
                while (!condition(this))
                {
                    if (!Monitor.Wait(_gate, TimeSpan.FromSeconds(20)))
                    {
                        throw new TimeoutException($"Waited in vain for {what}: {Bytes} bytes, {Left} left.");
                    }
                }
            }
        }

        public void OnConnected(IQuicConnection connection)
        {
            lock (_gate)
            {
                Connection = connection;
                Monitor.PulseAll(_gate);
            }
        }

        public void OnStreamOpened(IQuicConnection connection, long stream, bool unidirectional)
        {
        }

        public void OnStreamData(IQuicConnection connection, long stream, ReadOnlySpan<byte> data, bool end)
        {
            Bytes += data.Length;
            connection.Consume(stream, data.Length);
            Measure(Bytes);
        }

        public void OnStreamAborted(IQuicConnection connection, long stream, bool sendingSide, ulong errorCode)
        {
        }

        public void OnSendProgress(IQuicConnection connection)
        {
            if (Refill is null || Stream < 0)
            {
                return;
            }

            while (Left > 0 && connection.UnacknowledgedBytes < 2 * MiB)
            {
                Slab slab = Refill.Rent();
                Left -= slab.Capacity;
                connection.Write(Stream, slab, 0, slab.Capacity);
            }

            Measure(64 * MiB - Left);
            if (Left == 0 && connection.UnacknowledgedBytes == 0)
            {
                lock (_gate)
                {
                    Done = true;
                    Monitor.PulseAll(_gate);
                }
            }
        }

        public void OnClosed(IQuicConnection connection, QuicCloseInfo info)
        {
        }

        private void Measure(long progress)
        {
            if (progress < 16 * MiB)
            {
                return;
            }

            long allocated = GC.GetAllocatedBytesForCurrentThread();
            if (_allocatedBefore < 0)
            {
                _allocatedBefore = allocated;
            }

            Allocated = allocated - _allocatedBefore;
        }
    }
}
