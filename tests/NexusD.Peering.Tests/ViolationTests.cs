using NexusD.Peering.Tests.Simulation;
using NexusD.Protocol;
using NexusD.Protocol.Frames;
using NexusD.Protocol.Peer;

namespace NexusD.Peering.Tests;

/// <summary>Each rule of peer-v1.md that a peer can break, and that the link ends with the right code.</summary>
public sealed class ViolationTests
{
    public static TheoryData<string, ErrorCode> ControlCases => new()
    {
        { "kind 0", ErrorCode.Malformed },
        { "kind F5", ErrorCode.Malformed },
        { "length 3", ErrorCode.Malformed },
        { "frame too large", ErrorCode.FrameTooLarge },
        { "second hello", ErrorCode.OutOfOrder },
        { "forward on control", ErrorCode.OutOfOrder },
        { "short interest", ErrorCode.Malformed },
        { "interest op 3", ErrorCode.Malformed },
        { "bad filter", ErrorCode.Malformed },
        { "filter that is no UTF-8", ErrorCode.Malformed },
        { "short interest state", ErrorCode.Malformed },
        { "short retained state", ErrorCode.Malformed },
        { "retained with two events", ErrorCode.Malformed },
        { "short ping", ErrorCode.Malformed },
        { "short goaway", ErrorCode.Malformed },
    };

    public static TheoryData<string, ErrorCode> LaneCases => new()
    {
        { "wrong magic", ErrorCode.BadGreeting },
        { "version 9", ErrorCode.UnsupportedVersion },
        { "role 2", ErrorCode.Malformed },
        { "control role", ErrorCode.Malformed },
        { "lane 12", ErrorCode.Malformed },
        { "class 3", ErrorCode.Malformed },
        { "unknown alias", ErrorCode.UnknownAlias },
        { "alias above the limit", ErrorCode.Malformed },
        { "topic alias 0", ErrorCode.Malformed },
        { "topic alias above the limit", ErrorCode.Malformed },
        { "publisher 0", ErrorCode.Malformed },
        { "number 0", ErrorCode.Malformed },
        { "numbers run over", ErrorCode.Malformed },
        { "no event", ErrorCode.Malformed },
        { "sizes do not add up", ErrorCode.Malformed },
        { "properties run past the frame", ErrorCode.Malformed },
        { "bad priority", ErrorCode.Malformed },
        { "topic and alias", ErrorCode.Malformed },
        { "run above 34,816 bytes", ErrorCode.Malformed },
        { "gap without count", ErrorCode.Malformed },
        { "short gap", ErrorCode.Malformed },
        { "hello on lane", ErrorCode.OutOfOrder },
        { "end inside a frame", ErrorCode.Malformed },
        { "frame too large", ErrorCode.FrameTooLarge },
    };

    [Theory]
    [MemberData(nameof(ControlCases))]
    public void A_broken_control_stream_ends_the_link(string what, ErrorCode code)
    {
        var world = new VirtualWorld();
        using var node = new TestNode(world, 1);
        using var raw = new RawPeer(world, node);
        raw.Handshake();
        Assert.Single(node.Up);
        raw.Send(raw.Control, ControlBytes(what, raw));
        world.RunFor(50);
        CheckEnded(node, raw, code);
    }

    [Theory]
    [MemberData(nameof(LaneCases))]
    public void A_broken_lane_ends_the_link(string what, ErrorCode code)
    {
        var world = new VirtualWorld();
        using var node = new TestNode(world, 1);
        RecordingTarget wants = node.Subscribe("#");
        using var raw = new RawPeer(world, node);
        raw.Handshake();
        long stream = raw.Connection!.OpenStream(unidirectional: true);
        raw.Send(stream, LaneBytes(what, raw));
        if (what == "end inside a frame")
        {
            raw.Connection.FinishWriting(stream);
        }

        world.RunFor(50);
        CheckEnded(node, raw, code);
        Assert.Empty(wants.Events);
    }

    [Fact]
    public void Unknown_kinds_are_skipped_and_surplus_bytes_ignored()
    {
        var world = new VirtualWorld();
        using var node = new TestNode(world, 1);
        RecordingTarget wants = node.Subscribe("#");
        using var raw = new RawPeer(world, node);
        raw.Handshake();
        raw.Send(raw.Control, [8, 0, 0, 0, 0x99, 0, 0, 0, 1, 2, 3, 4]);
        raw.Send(raw.Control, Longer(RawPeer.Empty(PeerFrameKind.InterestRequest), 5));
        long lane = raw.OpenLane();
        raw.Send(lane, [8, 0, 0, 0, 0xE0, 0, 0, 0, 1, 2, 3, 4, .. RawPeer.Topic(3, "t"), .. raw.Forward(3, 1, 1, "x")]);
        world.RunFor(20);
        Assert.Null(raw.Closed);
        Assert.Equal(["x"], wants.Payloads);
    }

    [Fact]
    public void A_bad_topic_refuses_its_events_and_not_the_link()
    {
        var world = new VirtualWorld();
        using var node = new TestNode(world, 1);
        RecordingTarget wants = node.Subscribe("#");
        using var raw = new RawPeer(world, node);
        raw.Handshake();
        long lane = raw.OpenLane();
        raw.Send(lane, [.. RawPeer.Topic(1, "a/#/b"), .. raw.Forward(1, 5, 1, "lost", "lost")]);
        raw.Send(lane, [.. RawPeer.Topic(1, "a/b"), .. raw.Forward(1, 5, 3, "good")]);
        world.RunFor(20);
        Assert.Null(raw.Closed);
        Assert.Equal(["good"], wants.Payloads);
        Assert.Equal(2, node.Snapshot.Counters.RefusedBadTopic);
    }

    [Fact]
    public void A_payload_above_the_limit_is_refused_counted_and_told_as_a_gap()
    {
        var world = new VirtualWorld();
        using var node = new TestNode(world, 1, o => new MeshOptions
        {
            Bind = o.Bind, NodeName = o.NodeName, Cluster = o.Cluster, MaxPayloadBytes = 1_000,
        });
        RecordingTarget wants = node.Subscribe("#");
        using var raw = new RawPeer(world, node);
        raw.Handshake();
        long lane = raw.OpenLane();
        raw.Send(lane, [.. RawPeer.Topic(1, "a"), .. raw.Forward(1, 5, 1, "first")]);
        raw.Send(lane, raw.Forward(1, 5, 2, new string('x', 1_001)));
        raw.Send(lane, raw.Forward(1, 5, 3, "third"));
        world.RunFor(20);
        Assert.Equal(["first", "third"], wants.Payloads);
        Assert.Equal(new Routing.GapNotice(5, 2, 2, 1, DropReason.TooLarge, "node-1"), Assert.Single(wants.Gaps));
        Assert.Equal(1, node.Snapshot.Counters.RefusedTooLarge);
    }

    [Fact]
    public void Before_hello_only_short_frames_are_taken()
    {
        var world = new VirtualWorld();
        using var node = new TestNode(world, 1);
        using var raw = new RawPeer(world, node);
        raw.OpenControl();
        raw.Send(raw.Control, [0, 0, 2, 0, PeerFrameKind.Hello, 0, 0, 0]);
        world.RunFor(20);
        CheckEnded(node, raw, ErrorCode.FrameTooLarge);
        using var good = new RawPeer(world, node, 98);
        good.Handshake();
        good.Send(good.Control, [0, 0, 2, 0, PeerFrameKind.RetainedEnd, 0, 0, 0]);
        world.RunFor(20);
        Assert.Null(good.Closed);
    }

    [Fact]
    public void A_peer_that_asks_and_never_takes_the_answers_is_dropped()
    {
        var world = new VirtualWorld();
        using var node = new TestNode(world, 1, o => new MeshOptions
        {
            Bind = o.Bind, NodeName = o.NodeName, Cluster = o.Cluster, LinkQueueBytes = 1 << 20,
        });
        using var raw = new RawPeer(world, node);
        raw.Handshake();
        node.Endpoint.Own.Single().HoldsAcks = true;
        world.Network.PieceBytes = 1 << 20;
        byte[] ping = [20, 0, 0, 0, PeerFrameKind.Ping, 0, 0, 0, .. new byte[16]];
        byte[] pings = [.. Enumerable.Repeat(ping, 40_000).SelectMany(p => p)];
        for (int i = 0; i < 60 && raw.Closed is null; i++)
        {
            raw.Send(raw.Control, pings);
            Assert.InRange(node.Pool.RentedBytes, 0, 40_000_000);
        }

        Assert.Equal(ErrorCode.OverLimit, raw.ClosedWith);
    }

    [Fact]
    public void More_than_twelve_lanes_end_the_link()
    {
        var world = new VirtualWorld();
        using var node = new TestNode(world, 1);
        using var raw = new RawPeer(world, node);
        raw.Handshake();
        for (byte lane = 0; lane < 12; lane++)
        {
            raw.OpenLane(lane);
        }

        Assert.Null(raw.Closed);
        raw.OpenLane(0);
        world.RunFor(20);
        CheckEnded(node, raw, ErrorCode.Malformed);
    }

    [Fact]
    public void The_end_of_the_control_stream_ends_the_link()
    {
        var world = new VirtualWorld();
        using var node = new TestNode(world, 1);
        using var raw = new RawPeer(world, node);
        raw.Handshake();
        raw.Connection!.FinishWriting(raw.Control);
        world.RunFor(20);
        Assert.Equal(0, node.Mesh.LinksUp);
        Assert.NotNull(raw.Closed);
    }

    [Fact]
    public void An_abandoned_lane_ends_the_link()
    {
        var world = new VirtualWorld();
        using var node = new TestNode(world, 1);
        using var raw = new RawPeer(world, node);
        raw.Handshake();
        long lane = raw.OpenLane();
        raw.Connection!.ResetWriting(lane, 7);
        world.RunFor(20);
        CheckEnded(node, raw, ErrorCode.Malformed);
    }

    [Fact]
    public void Aliases_are_bounded_in_bytes()
    {
        var world = new VirtualWorld();
        using var node = new TestNode(world, 1, o => new MeshOptions
        {
            Bind = o.Bind, NodeName = o.NodeName, Cluster = o.Cluster, MaxAliasBytesPerPeer = 100_000,
        });
        using var raw = new RawPeer(world, node);
        raw.Handshake();
        long lane = raw.OpenLane();
        for (uint i = 1; i <= 80; i++)
        {
            raw.Send(lane, RawPeer.Topic(1 + (i % 3), new string('t', 1_000) + i)); // overwriting costs nothing
        }

        Assert.Null(raw.Closed);
        for (uint i = 1; i <= 100; i++)
        {
            raw.Send(lane, RawPeer.Topic(i, new string('t', 1_000) + i));
        }

        world.RunFor(20);
        CheckEnded(node, raw, ErrorCode.OverLimit);
    }

    [Fact]
    public void Half_sent_long_frames_are_bounded_over_all_links()
    {
        var world = new VirtualWorld();
        using var node = new TestNode(world, 1, o => new MeshOptions
        {
            Bind = o.Bind, NodeName = o.NodeName, Cluster = o.Cluster, MaxAssemblyBytes = 10_000_000,
        });
        using var raw = new RawPeer(world, node);
        raw.Handshake();
        for (byte lane = 0; lane < 3 && raw.Closed is null; lane++)
        {
            raw.Send(raw.OpenLane(lane), [0, 0, 0x3D, 0, 0x8A, 0, 0, 0, 1]); // 4 MB announced, one byte sent
        }

        world.RunFor(20);
        CheckEnded(node, raw, ErrorCode.OverLimit);
        Assert.Equal(0, node.Pool.RentedBytes);
    }

    private static void CheckEnded(TestNode node, RawPeer raw, ErrorCode code)
    {
        Assert.Equal(code, raw.ClosedWith);
        Assert.NotEqual("", raw.Closed!.Value.Reason);
        Assert.Equal(1, node.Snapshot.Counters.RefusedHere(code));
        Assert.All(node.Snapshot.Links, l => Assert.Equal(LinkState.Down, l.State));
        Assert.Equal(0, node.Mesh.LinksUp);
        Assert.Equal(code == ErrorCode.OverLimit ? 1 : 0, node.Router.GetStatistics().Links);
        byte[] error = Assert.Single(raw.ControlFrames(PeerFrameKind.Error));
        Assert.Equal(ErrorCode.None, ErrorFrame.TryRead(error, out ErrorFrame told));
        Assert.Equal(code, told.Code);
        Assert.True(told.Closes);
    }

    private static byte[] ControlBytes(string what, RawPeer raw) => what switch
    {
        "kind 0" => [4, 0, 0, 0, 0, 0, 0, 0],
        "kind F5" => [4, 0, 0, 0, 0xF5, 0, 0, 0],
        "length 3" => [3, 0, 0, 0, 0x07, 0, 0, 0],
        "frame too large" => [0, 0, 0, 1, 0x82, 0, 0, 0],
        "second hello" => raw.Hello(),
        "forward on control" => raw.Forward(1, 1, 1, "x"),
        "short interest" => Cut(RawPeer.Interest(1, true), 12),
        "interest op 3" => RawPeer.Interest(1, true, ((InterestChange)3, "a")),
        "bad filter" => RawPeer.Interest(1, true, (InterestChange.Add, "a/#/b")),
        "filter that is no UTF-8" => Patched(RawPeer.Interest(1, true, (InterestChange.Add, "ab")), 19, 0xFF),
        "short interest state" => Cut(RawPeer.InterestState(1, 2, 3), 20),
        "short retained state" => Cut(Retained(PeerFrameKind.RetainedState), 12),
        "retained with two events" => Kind(
            raw.ForwardWith(0, 1, 1, [1, 1, 0, (byte)'t'], "a", "b"), PeerFrameKind.Retained),
        "short ping" => [4, 0, 0, 0, 0x07, 0, 0, 0],
        "short goaway" => [4, 0, 0, 0, 0x48, 0, 0, 0],
        _ => throw new ArgumentException(what),
    };

    private static byte[] LaneBytes(string what, RawPeer raw)
    {
        byte[] lane = [.. "NXP1"u8, 1, 1, 0, 0];
        byte[] topic = RawPeer.Topic(1, "t");
        return what switch
        {
            "wrong magic" => [.. "NXP2"u8, 1, 1, 0, 0],
            "version 9" => Patched(lane, 4, 9),
            "role 2" => Patched(lane, 5, 2),
            "control role" => Patched(lane, 5, 0),
            "lane 12" => Patched(lane, 6, 12),
            "class 3" => Patched(lane, 7, 3),
            "unknown alias" => [.. lane, .. raw.Forward(1, 1, 1, "x")],
            "alias above the limit" => [.. lane, .. raw.Forward(65_537, 1, 1, "x")],
            "topic alias 0" => [.. lane, .. RawPeer.Topic(0, "t")],
            "topic alias above the limit" => [.. lane, .. RawPeer.Topic(65_537, "t")],
            "publisher 0" => [.. lane, .. topic, .. raw.Forward(1, 0, 1, "x")],
            "number 0" => [.. lane, .. topic, .. raw.Forward(1, 1, 0, "x")],
            "numbers run over" => [.. lane, .. topic, .. raw.Forward(1, 1, ulong.MaxValue, "x", "y")],
            "no event" => [.. lane, .. topic, .. raw.Forward(1, 1, 1)],
            "sizes do not add up" => [.. lane, .. topic, .. Patched(raw.Forward(1, 1, 1, "x"), 40, 2)],
            "properties run past the frame" => [.. lane, .. topic, .. Patched(raw.Forward(1, 1, 1, "x"), 7, 9)],
            "bad priority" => [.. lane, .. topic, .. raw.ForwardWith(1, 1, 1, [PropertyId.Priority, 1, 0, 3], "x")],
            "topic and alias" => [.. lane, .. topic, .. raw.ForwardWith(1, 1, 1, [1, 1, 0, (byte)'t'], "x")],
            "run above 34,816 bytes" =>
                [.. lane, .. topic, .. raw.Forward(1, 1, 1, new string('x', 17_400), new string('y', 17_400))],
            "gap without count" => [.. lane, .. Gap(0)],
            "short gap" => [.. lane, .. Cut(Gap(1), 40)],
            "hello on lane" => [.. lane, .. raw.Hello()],
            "end inside a frame" => [.. lane, .. topic[..10]],
            "frame too large" => [.. lane, 0, 0, 0, 1, 0x8A, 0, 0, 0],
            _ => throw new ArgumentException(what),
        };
    }

    private static byte[] Retained(byte kind)
    {
        byte[] bytes = new byte[RetainedStateFrame.FrameBytes];
        new RetainedStateFrame(1, 1, kind == PeerFrameKind.RetainedEnd).Write(bytes);
        return bytes;
    }

    private static byte[] Gap(ulong count)
    {
        var gap = new GapFrame { Publisher = 1, From = 1, To = 1, Count = count, Reason = DropReason.LinkFull };
        byte[] bytes = new byte[gap.FrameBytes];
        gap.Write(bytes);
        return bytes;
    }

    private static byte[] Patched(byte[] bytes, int at, byte value)
    {
        bytes[at] = value;
        return bytes;
    }

    private static byte[] Kind(byte[] frame, byte kind) => Patched(frame, 4, kind);

    private static byte[] Cut(byte[] frame, int length)
    {
        byte[] cut = frame[..length];
        BitConverter.GetBytes(length - 4).CopyTo(cut, 0);
        return cut;
    }

    private static byte[] Longer(byte[] frame, int bytes)
    {
        byte[] longer = [.. frame, .. new byte[bytes]];
        BitConverter.GetBytes(longer.Length - 4).CopyTo(longer, 0);
        return longer;
    }
}
