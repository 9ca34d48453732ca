using System.Net;
using System.Security.Cryptography.X509Certificates;
using NexusD.Buffers;
using NexusD.Loops;
using NexusD.Peering.Links;
using NexusD.Peering.Tests.Simulation;
using NexusD.Protocol;
using NexusD.Protocol.Greetings;
using NexusD.Protocol.Peer;
using NexusD.Protocol.Topics;
using NexusD.Quic;
using NexusD.Routing;

namespace NexusD.Peering.Tests;

/// <summary>The way of a run out of and into a link allocates nothing once it is warm.</summary>
public sealed class AllocationTests
{
    private const long Lane = 2;

    private readonly SlabPool _pool = new();
    private readonly SinkConnection _connection = new();
    private readonly Router _router;
    private readonly PeerLink _link;
    private readonly byte[] _ack = new byte[512];
    private ulong _number = 1;

    public AllocationTests()
    {
        _router = new Router(new RouterOptions { NodeName = "n" }, _pool);
        var options = new MeshOptions { Bind = new IPEndPoint(IPAddress.Loopback, 0), NodeName = "n", Cluster = "c" };
        var context = new MeshContext(new StillLoop(), _router, new HybridClock(), _pool, options);
        _link = new PeerLink(context, new Admitting(context), 1, null, null);
        var hello = new PeerHelloFrame { NodeId = MeshOptions.NewNodeId(), NodeName = "p"u8, Cluster = "c"u8 };
        byte[] bytes = new byte[hello.FrameBytes];
        hello.Write(bytes);
        _link.OnConnected(_connection);
        _link.OnStreamOpened(_connection, 0, unidirectional: false);
        byte[] interest = RawPeer.Interest(1, true, (InterestChange.Add, "#"));
        byte[] start = [.. RawPeer.Preamble(StreamPreamble.Control), .. bytes, .. RawPeer.Resume(1, 0), .. interest];
        _link.OnStreamData(_connection, 0, start, end: false);
        Assert.True(_link.IsUp);
    }

    [Fact]
    public void Forwarding_allocates_nothing()
    {
        Topic topic = _router.Intern("some/topic"u8);
        byte[] body = [100, 0, 0, 0, .. new byte[100]];
        Publish(topic, body, 20_000);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Publish(topic, body, 200_000);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.True(_connection.Bytes > 219_000L * 144);
    }

    [Fact]
    public void Reading_a_lane_allocates_nothing()
    {
        var target = new CountingTarget();
        _router.Subscribe(target, TopicFilter.Parse("#"));
        byte[] declaration = RawPeer.Topic(1, "some/topic");
        byte[] frame = new byte[ForwardFrame.HeaderBytes + 104];
        frame[ForwardFrame.HeaderBytes] = 100;
        byte[] pieces = new byte[frame.Length * 50];
        _link.OnStreamOpened(_connection, Lane, unidirectional: true);
        byte[] start = [.. RawPeer.Preamble(StreamPreamble.ForLane(0, Priority.Normal)), .. declaration];
        _link.OnStreamData(_connection, Lane, start, end: false);
        ReadLane(frame, pieces, 400);
        long before = GC.GetAllocatedBytesForCurrentThread();
        ReadLane(frame, pieces, 4_000);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(50 * 4_400, target.Events);
    }

    private void Publish(Topic topic, byte[] body, int runs)
    {
        for (int i = 0; i < runs; i++)
        {
            _router.Publish(new EventRun
            {
                Topic = topic,
                Publisher = 1 + (ulong)(i & 7),
                Number = _number++,
                Timestamp = 1,
                Count = 1,
                Body = body,
            });
            if (i % 100 == 0)
            {
                _link.Channel!.OnEndOfTurn();
                _link.OnEndOfTurn();
                Acknowledge();
            }
        }
    }

    private void Acknowledge()
    {
        var counts = default(LaneCounts);
        for (int lane = 0; lane < _connection.LaneBytes.Length && _connection.LaneBytes[lane] > 0; lane++)
        {
            counts.Set(lane, (ulong)_connection.LaneBytes[lane] - StreamPreamble.Size);
        }

        var ack = new LaneAckFrame(counts);
        ack.Write(_ack);
        _link.OnStreamData(_connection, 0, _ack.AsSpan(0, ack.FrameBytes), end: false);
    }

    // Cut at odd places, so that most frames are put together from two pieces.
    private void ReadLane(byte[] frame, byte[] pieces, int rounds)
    {
        for (int round = 0; round < rounds; round++)
        {
            for (int at = 0; at < pieces.Length; at += frame.Length)
            {
                ForwardFrame.WriteHeader(frame, frame.Length, RunFlags.None, 0, 1, 5, _number++, 1);
                frame.CopyTo(pieces, at);
            }

            for (int at = 0; at < pieces.Length; at += 1_001)
            {
                int length = Math.Min(1_001, pieces.Length - at);
                _link.OnStreamData(_connection, Lane, pieces.AsSpan(at, length), end: false);
            }

            _link.OnEndOfTurn();
        }
    }

    private sealed class CountingTarget : DeliveryTarget
    {
        public int Events { get; private set; }

        public override void Deliver(in EventRun run, ref RouteEntry entry) => Events += run.Count;

        public override void DeliverGap(in GapNotice gap)
        {
        }
    }

    private sealed class Admitting(MeshContext context) : ILinkOwner
    {
        public int MeshPort => 1;

        public void Connected(PeerLink link)
        {
        }

        public LinkFault Admit(PeerLink link)
        {
            link.GoUp(new PeerChannel(context, link.PeerId));
            return LinkFault.None;
        }

        public void Gone(PeerLink link, LinkEnd end) => Assert.Fail(end.Reason);

        public void WakeBy(long dueNs)
        {
        }
    }

    private sealed class StillLoop : IMeshLoop
    {
        public long NowNs => 1_000_000_000;

        public long UnixMs => 1_800_000_000_000;

        public void FlushAtEndOfTurn(ILoopFlush flush)
        {
        }

        public void Post(Action work) => work();

        public void OnWake(Action wake)
        {
        }

        public void WakeAt(long dueNs)
        {
        }
    }

    /// <summary>Acknowledges at once.</summary>
    private sealed class SinkConnection : IQuicConnection
    {
        private long _streams;

        public long Bytes { get; private set; }

        public long[] LaneBytes { get; } = new long[ProtocolLimits.MaxLanes];

        public IPEndPoint RemoteEndPoint { get; } = new(IPAddress.Loopback, 1);

        public string Alpn => "nexusd/1";

        public X509Certificate2? PeerCertificate => null;

        public long UnacknowledgedBytes => 0;

        public long OpenStream(bool unidirectional) => (_streams++ << 2) | 3;

        public void Write(long stream, Slab slab, int offset, int length)
        {
            Bytes += length;
            LaneBytes[stream >> 2] += (stream & 2) != 0 ? length : 0;
            slab.Release();
        }

        public void FinishWriting(long stream)
        {
        }

        public void ResetWriting(long stream, ulong errorCode)
        {
        }

        public void StopReading(long stream, ulong errorCode)
        {
        }

        public void Consume(long stream, int bytes)
        {
        }

        public void Close(ulong errorCode, string reason) => Assert.Fail(reason);

        public QuicConnectionStatistics GetStatistics() => default;
    }
}
