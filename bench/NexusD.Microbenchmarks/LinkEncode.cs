using System.Net;
using BenchmarkDotNet.Attributes;
using NexusD.Buffers;
using NexusD.Peering;
using NexusD.Peering.Links;
using NexusD.Protocol.Greetings;
using NexusD.Protocol.Peer;
using NexusD.Routing;

namespace NexusD.Microbenchmarks;

/// <summary>
/// Station "forwarded": runs go into the lane of a link and, every 64 runs, to the connection, which here only gives
/// the slabs back; the peer acknowledges each turn. Figures are per run.
/// </summary>
[MemoryDiagnoser]
[MinColumn]
[MedianColumn]
public class LinkEncode
{
    private const int RunsInTurn = 64;
    private const int ControlStream = 0;

    private readonly SlabPool _pool = new();
    private readonly Router _router;
    private readonly PeerLink _link;
    private readonly Topic _topic;
    private readonly SinkConnection _connection = new();
    private readonly byte[] _ack = new byte[64];
    private byte[] _body = [];
    private ulong _number = 1;

    public LinkEncode()
    {
        _router = new Router(new RouterOptions { NodeName = "n" }, _pool);
        var options = new MeshOptions { Bind = new IPEndPoint(IPAddress.Loopback, 0), NodeName = "n", Cluster = "c" };
        var context = new MeshContext(new StillLoop(), _router, new HybridClock(), _pool, options);
        _link = new PeerLink(context, new AdmittingOwner(context), 1, null, null);
        _topic = _router.Intern("site/alpha/line7/press2/temperature"u8);
        _link.OnConnected(_connection);
        _link.OnStreamOpened(_connection, ControlStream, unidirectional: false);
        _link.OnStreamData(_connection, ControlStream, Greeting(), end: false);
    }

    [Params(1, 100)]
    public int EventsInRun { get; set; }

    [GlobalSetup]
    public void Fill()
    {
        _body = EventBodies.Of(EventsInRun);
        if (!_link.IsUp)
        {
            throw new InvalidOperationException("The link did not come up.");
        }
    }

    [Benchmark(OperationsPerInvoke = RunsInTurn)]
    public void Forward()
    {
        for (int i = 0; i < RunsInTurn; i++)
        {
            _router.Publish(new EventRun
            {
                Topic = _topic,
                Publisher = 1,
                Number = _number,
                Timestamp = _number,
                Count = EventsInRun,
                Body = _body,
            });
            _number += (ulong)EventsInRun;
        }

        _link.Channel!.OnEndOfTurn();
        _link.OnEndOfTurn();
        Acknowledge();
    }

    // All runs are of one publisher, so there is one lane.
    private void Acknowledge()
    {
        var counts = default(LaneCounts);
        counts.Set(0, (ulong)_connection.LaneBytes - StreamPreamble.Size);
        var ack = new LaneAckFrame(counts);
        ack.Write(_ack);
        _link.OnStreamData(_connection, ControlStream, _ack.AsSpan(0, ack.FrameBytes), end: false);
    }

    // What a peer says first: its preamble, its hello, that lanes begin, and that it wants everything.
    private static byte[] Greeting()
    {
        byte[] preamble = new byte[StreamPreamble.Size];
        StreamPreamble.Control.Write(preamble);
        var hello = new PeerHelloFrame { NodeId = MeshOptions.NewNodeId(), NodeName = "p"u8, Cluster = "c"u8 };
        byte[] helloBytes = new byte[hello.FrameBytes];
        hello.Write(helloBytes);
        byte[] entries = new byte[InterestReader.Size(InterestChange.Add, 1)];
        InterestReader.Write(entries, InterestChange.Add, "#"u8);
        var interest = new InterestFrame { Version = 1, Reset = true, Entries = entries };
        byte[] interestBytes = new byte[interest.FrameBytes];
        interest.Write(interestBytes);
        var resume = new LaneResumeFrame { Own = 1 };
        byte[] resumeBytes = new byte[resume.FrameBytes];
        resume.Write(resumeBytes);
        return [.. preamble, .. helloBytes, .. resumeBytes, .. interestBytes];
    }
}
