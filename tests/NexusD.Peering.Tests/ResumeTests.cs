using NexusD.Peering.Tests.Simulation;
using NexusD.Protocol;
using NexusD.Protocol.Frames;
using NexusD.Protocol.Peer;

namespace NexusD.Peering.Tests;

/// <summary>LANE_ACK and LANE_RESUME frame by frame: what is sent again, what is forgotten, what is refused.</summary>
public sealed class ResumeTests
{
    private readonly VirtualWorld _world = new();

    [Fact]
    public void What_was_not_acknowledged_is_sent_again_from_the_byte_that_the_peer_names()
    {
        using var node = new TestNode(_world, 1);
        var id = MeshOptions.NewNodeId();
        ulong run;
        ulong first;
        using (RawPeer raw = Link(node, id))
        {
            node.Publish("t/1", "1");
            _world.RunFor(10);
            first = raw.LaneCount(raw.Lanes.Single()).Bytes;
            node.Publish("t/1", "2");
            node.Publish("t/2", "3");
            _world.RunFor(10);
            run = RunOf(raw);
            raw.Connection!.Close(0, "lost");
            _world.RunFor(10);
        }

        node.Publish("t/2", "held");
        using RawPeer again = Link(node, id, yours: run, (0, first));
        node.Publish("t/1", "new");
        _world.RunFor(10);
        Assert.Equal(["2", "3", "held", "new"], Payloads(again));

        // t/1 was declared before the named byte: the lane goes on, so it stands.
        byte[] only = Assert.Single(again.LaneFrames(PeerFrameKind.Topic));
        Assert.Equal(ErrorCode.None, TopicFrame.TryRead(only, out TopicFrame declared));
        Assert.Equal("t/2"u8.ToArray(), declared.Topic.ToArray());
        Assert.Equal(run, RunOf(again));
        Assert.Equal(0, node.Snapshot.Counters.DroppedLinkLost);
    }

    [Fact]
    public void A_peer_that_forgot_acknowledged_lanes_is_told_what_it_lost()
    {
        using var node = new TestNode(_world, 1);
        var id = MeshOptions.NewNodeId();
        using (RawPeer raw = Link(node, id))
        {
            node.Publish("t/1", "1");
            _world.RunFor(10);
            raw.AcknowledgeLanes();
            node.PublishMany("t/1", ["2", "3"]);
            _world.RunFor(10);
            raw.Connection!.Close(0, "lost");
            _world.RunFor(10);
        }

        using RawPeer again = Link(node, id);
        node.Publish("t/1", "4");
        _world.RunFor(10);
        Assert.Equal(["4"], Payloads(again));
        Assert.Equal(ErrorCode.None, GapFrame.TryRead(again.LaneFrames(PeerFrameKind.Gap).Single(), out GapFrame gap));
        Assert.Equal((7UL, 2UL, 3UL), (gap.Publisher, gap.From, gap.To));
        Assert.Equal((2UL, DropReason.LinkLost), (gap.Count, gap.Reason));
        Assert.Equal(2, node.Snapshot.Counters.DroppedLinkLost);
    }

    [Fact]
    public void Lanes_of_which_nothing_was_read_are_sent_from_their_beginning()
    {
        using var node = new TestNode(_world, 1);
        var id = MeshOptions.NewNodeId();
        using (RawPeer raw = Link(node, id))
        {
            node.Publish("t/1", "1");
            _world.RunFor(10);
            raw.Connection!.Close(0, "lost");
            _world.RunFor(10);
        }

        using RawPeer again = Link(node, id);
        _world.RunFor(10);
        Assert.Equal(["1"], Payloads(again));
    }

    [Fact]
    public void A_node_that_refused_a_frame_does_not_want_it_again()
    {
        using var node = new TestNode(_world, 1);
        using var raw = new RawPeer(_world, node);
        raw.Handshake();
        long lane = raw.OpenLane();
        raw.Send(lane, [.. RawPeer.Topic(1, "t"), .. raw.Forward(1, 5, 1, "1")]);
        _world.RunFor(100);
        Assert.NotEmpty(raw.ControlFrames(PeerFrameKind.LaneAck));
        raw.Send(lane, raw.Forward(9, 5, 2, "unknown alias"));
        Assert.Equal(ErrorCode.UnknownAlias, raw.ClosedWith);
        using var again = new RawPeer(_world, node, 98) { NodeId = raw.NodeId };
        again.Handshake();
        Assert.Equal(ErrorCode.None, LaneResumeFrame.TryRead(Resume(again), out LaneResumeFrame resume));
        Assert.Equal(0UL, resume.Yours);
    }

    [Fact]
    public void Lanes_are_acknowledged_soon_once_and_cumulatively()
    {
        using var node = new TestNode(_world, 1);
        using var raw = new RawPeer(_world, node);
        raw.Handshake();
        long lane = raw.OpenLane(lane: 3);
        byte[] topic = RawPeer.Topic(1, "t");
        byte[] forward = raw.Forward(1, 5, 1, "1");
        raw.Send(lane, [.. topic, .. forward, .. forward[..10]]);
        Assert.Empty(raw.ControlFrames(PeerFrameKind.LaneAck));
        _world.RunFor(100);
        byte[] only = Assert.Single(raw.ControlFrames(PeerFrameKind.LaneAck));
        Assert.Equal(ErrorCode.None, LaneAckFrame.TryRead(only, out LaneAckFrame ack));
        Assert.Equal(1, ack.Counts.Count);
        Assert.Equal((ulong)(topic.Length + forward.Length), ack.Counts[3]);
        raw.Send(lane, forward.AsSpan(10));
        _world.RunFor(500);
        Assert.Equal(2, raw.ControlFrames(PeerFrameKind.LaneAck).Count);
    }

    [Theory]
    [InlineData("ack of more than was sent", ErrorCode.Malformed)]
    [InlineData("ack of a lane that is not open", ErrorCode.Malformed)]
    [InlineData("ack that goes back", ErrorCode.Malformed)]
    [InlineData("ack without lanes", ErrorCode.Malformed)]
    [InlineData("second resume", ErrorCode.OutOfOrder)]
    public void What_cannot_be_ends_the_link(string what, ErrorCode code)
    {
        using var node = new TestNode(_world, 1);
        using RawPeer raw = Link(node, MeshOptions.NewNodeId());
        node.Publish("t/1", "1");
        _world.RunFor(10);
        (int lane, ulong bytes) = raw.LaneCount(raw.Lanes.Single());
        raw.AcknowledgeLanes();
        Assert.Null(raw.Closed);
        raw.Send(raw.Control, what switch
        {
            "ack of more than was sent" => RawPeer.Ack((lane, bytes + 1)),
            "ack of a lane that is not open" => RawPeer.Ack((lane + 1, 0)),
            "ack that goes back" => RawPeer.Ack((lane, bytes - 1)),
            "ack without lanes" => RawPeer.Ack(),
            _ => RawPeer.Resume(1, 0),
        });
        Assert.Equal(code, raw.ClosedWith);
    }

    [Fact]
    public void A_peer_that_never_says_where_lanes_go_on_is_dropped()
    {
        using var node = new TestNode(_world, 1);
        using var raw = new RawPeer(_world, node);
        raw.OpenControl();
        byte[] hello = raw.Hello();
        raw.Send(raw.Control, hello.AsSpan(0, hello.Length - RawPeer.Resume(1, 0).Length));
        for (int second = 0; second < 6 && raw.Closed is null; second++)
        {
            raw.Send(raw.Control, [4, 0, 0, 0, 0x99, 0, 0, 0]);
            _world.RunFor(998);
        }

        Assert.Equal(ErrorCode.Idle, raw.ClosedWith);
        Assert.Contains("LANE_RESUME", raw.Closed!.Value.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_second_stream_for_a_lane_is_refused()
    {
        using var node = new TestNode(_world, 1);
        using var raw = new RawPeer(_world, node);
        raw.Handshake();
        raw.OpenLane(lane: 2);
        raw.OpenLane(lane: 2);
        _world.RunFor(10);
        Assert.Equal(ErrorCode.Malformed, raw.ClosedWith);
    }

    private RawPeer Link(TestNode node, NodeId id, ulong yours = 0, params (int Lane, ulong Bytes)[] lanes)
    {
        var raw = new RawPeer(_world, node, 50 + _world.Random.Next(40)) { NodeId = id };
        raw.OpenControl();
        byte[] hello = raw.Hello();
        byte[] resume = RawPeer.Resume(1, yours, lanes);
        raw.Send(raw.Control, [.. hello.AsSpan(0, hello.Length - RawPeer.Resume(1, 0).Length), .. resume]);
        raw.Send(raw.Control, RawPeer.Interest(1, true, (InterestChange.Add, "t/#")));
        _world.RunFor(10);
        return raw;
    }

    private static byte[] Resume(RawPeer raw) => raw.ControlFrames(PeerFrameKind.LaneResume).Single();

    private static ulong RunOf(RawPeer raw)
    {
        Assert.Equal(ErrorCode.None, LaneResumeFrame.TryRead(Resume(raw), out LaneResumeFrame resume));
        return resume.Own;
    }

    private static List<string> Payloads(RawPeer raw)
    {
        var payloads = new List<string>();
        foreach (byte[] frame in raw.LaneFrames(PeerFrameKind.Forward))
        {
            Assert.Equal(ErrorCode.None, ForwardFrame.TryRead(frame, out ForwardFrame forward));
            var events = new RunReader(forward.Body);
            while (events.TryRead(out ReadOnlySpan<byte> payload))
            {
                payloads.Add(System.Text.Encoding.UTF8.GetString(payload));
            }
        }

        return payloads;
    }
}
