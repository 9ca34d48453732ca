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
/// the slabs back. Figures are per run.
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
    private byte[] _body = [];
    private ulong _number = 1;

    public LinkEncode()
    {
        _router = new Router(new RouterOptions { NodeName = "n" }, _pool);
        var options = new MeshOptions { Bind = new IPEndPoint(IPAddress.Loopback, 0), NodeName = "n", Cluster = "c" };
        var context = new MeshContext(new StillLoop(), _router, new HybridClock(), _pool, options);
        _link = new PeerLink(context, new AdmittingOwner(), 1, null, null);
        _topic = _router.Intern("site/alpha/line7/press2/temperature"u8);
        var connection = new SinkConnection();
        _link.OnConnected(connection);
        _link.OnStreamOpened(connection, ControlStream, unidirectional: false);
        _link.OnStreamData(connection, ControlStream, Greeting(), end: false);
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

        _link.OnEndOfTurn();
    }

    // What a peer says first: its preamble, its hello, and that it wants everything.
    private static byte[] Greeting()
    {
        byte[] preamble = new byte[StreamPreamble.Size];
        StreamPreamble.Control.Write(preamble);
        var hello = new PeerHelloFrame { NodeId = MeshOptions.NewNodeId(), NodeName = "p"u8, Cluster = "c"u8 };
        byte[] helloBytes = new byte[hello.FrameBytes];
        hello.Write(helloBytes);
        byte[] entries = new byte[InterestReader.Size(1)];
        InterestReader.Write(entries, InterestChange.Add, "#"u8);
        var interest = new InterestFrame { Version = 1, Reset = true, Entries = entries };
        byte[] interestBytes = new byte[interest.FrameBytes];
        interest.Write(interestBytes);
        return [.. preamble, .. helloBytes, .. interestBytes];
    }
}
