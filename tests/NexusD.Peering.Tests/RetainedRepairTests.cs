using System.Text;
using NexusD.Peering.Tests.Simulation;
using NexusD.Protocol;
using NexusD.Protocol.Peer;
using NexusD.Routing;
using NexusD.Routing.Retained;

namespace NexusD.Peering.Tests;

/// <summary>
/// Repair by digests: what differs is found and sent, and no more. Links hold nothing here, so that whatever is written
/// during a cut comes by repair alone.
/// </summary>
public sealed class RetainedRepairTests
{
    private const int Group = RetainedDigestsFrame.LeavesPerGroup;

    [Fact]
    public void Few_differences_among_many_cost_few_bytes_and_events()
    {
        var world = new VirtualWorld();
        using var a = Node(world, 1);
        using var b = Node(world, 2);
        for (int i = 0; i < 50_000; i++)
        {
            PublishOnBoth(a, b, $"plant/{i % 50}/sensor/{i}", $"{i}");
        }

        b.Publish("plant/1/sensor/1", "newer at b", publisher: 9, retain: true);
        b.Publish("plant/1/sensor/51", "", publisher: 9, retain: true);
        b.Publish("only/b", "x", publisher: 9, retain: true);
        a.Publish("only/a", "x", publisher: 8, retain: true);
        a.Publish("plant/2/sensor/2", "newer at a", publisher: 8, retain: true);
        b.Knows(a);
        world.RunUntil(() => Same(a, b), "the stores are the same", 1_000);
        Assert.Equal(50_002, a.Router.Retained.Count);
        Assert.Equal(3, a.Snapshot.Counters.RetainedRepaired);
        Assert.Equal(2, b.Snapshot.Counters.RetainedRepaired);
        Assert.Equal(5, a.Snapshot.Counters.RetainedSent + b.Snapshot.Counters.RetainedSent);
        Assert.InRange(a.Snapshot.Counters.BytesIn, 1, 12_000);
        Assert.InRange(b.Snapshot.Counters.BytesIn, 1, 12_000);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    [InlineData(8)]
    public void Nodes_with_skewed_clocks_come_to_the_same_store_after_any_cuts(int seed)
    {
        var world = new VirtualWorld(seed);
        world.Network.JitterNs = 4_000_000;
        using var a = Node(world, 1);
        using var b = Node(world, 2);
        using var c = Node(world, 3);
        TestNode[] nodes = [a, b, c];
        b.Loop.ClockSkewMs = 900;
        c.Loop.ClockSkewMs = -1_500;
        a.Knows(b, c);
        b.Knows(c);
        for (int round = 0; round < 12; round++)
        {
            (TestNode one, TestNode other) = (nodes[round % 3], nodes[(round + 1) % 3]);
            world.Network.Cut(one.Address, other.Address);
            for (int i = 0; i < 60; i++)
            {
                Change(world, nodes[world.Random.Next(3)]);
                world.RunFor(world.Random.Next(200));
            }

            world.Network.Heal(one.Address, other.Address);
        }

        long sent = nodes.Sum(n => n.Snapshot.Counters.RetainedSent);
        world.RunUntil(() => nodes.All(n => Same(a, n)), $"all are the same (seed {seed})", 10_000);
        Assert.All(nodes, n => Assert.Equal(Values(a), Values(n)));
        foreach (TestNode node in nodes)
        {
            node.Router.AssertInvariants();
        }

        // 12 cuts of some 6 s with 60 writes each, of which perhaps half go past a cut or arrive late.
        Assert.InRange(sent, 20, 12 * 60 * 2);
    }

    [Fact]
    public void A_store_with_a_smaller_budget_stops_asking()
    {
        var world = new VirtualWorld();
        using var a = Node(world, 1);
        using var b = Node(world, 2, new RouterOptions { MaxRetainedEvents = 500 });
        for (int i = 0; i < 5_000; i++)
        {
            a.Publish($"r/{i}", i % 5 == 0 ? "" : $"{i}", publisher: 1, retain: true);
        }

        b.Publish("r/own", "x", publisher: 2, retain: true);
        b.Knows(a);
        world.RunUntil(() => b.Router.Retained.Count == 500, "b is full", 5_000);
        world.RunFor(60_000);
        long asked = b.Snapshot.Counters.RetainedRepairs;
        long sent = a.Snapshot.Counters.RetainedSent;
        Assert.InRange(sent, 499, 1_500);
        for (int i = 0; i < 600; i++)
        {
            a.Publish($"r/{i % 10}", $"again {i}", publisher: 1, retain: true);
            world.RunFor(1_000);
        }

        Assert.InRange(b.Snapshot.Counters.RetainedRepairs - asked, 0, 15);
        Assert.InRange(a.Snapshot.Counters.RetainedSent - sent, 0, 200);
        asked = b.Snapshot.Counters.RetainedRepairs;
        sent = a.Snapshot.Counters.RetainedSent;
        world.RunFor(100_000);
        long after = b.Snapshot.Counters.RetainedRepairs;
        world.RunFor(1_000_000);
        Assert.Equal(after, b.Snapshot.Counters.RetainedRepairs);
        Assert.InRange(after - asked, 0, 2);
        Assert.True(b.Router.Retained.TryGet(b.Router.Intern("r/own"u8), out _));
    }

    [Fact]
    public void What_a_clock_far_ahead_has_stamped_is_delivered_but_does_not_win_for_ever()
    {
        var world = new VirtualWorld();
        using var a = Node(world, 1);
        using var b = Node(world, 2);
        RecordingTarget wants = b.Subscribe("r/#");
        a.Loop.ClockSkewMs = 7_200_000;
        Advance(a, b);
        a.Knows(b);
        world.RunUntil(() => a.Up.Count == 1 && b.Up.Count == 1, "linked");
        world.RunFor(100);
        a.Publish("r/x", "from the future", publisher: 1, retain: true);
        world.RunFor(1_000);
        b.Publish("r/x", "now", publisher: 2, retain: true);
        world.RunFor(60_000);
        Assert.Equal(["from the future", "now"], wants.Payloads);
        Assert.Equal("now", Value(b, "r/x"));
        Assert.InRange(b.Router.GetStatistics().AheadRetainedEvents, 1, 10);
        Assert.InRange(b.Snapshot.Counters.RetainedRepairs, 1, 8);

        // Once b's clock has come there it is as good as any other.
        b.Loop.ClockSkewMs = 7_200_000;
        Advance(b);
        world.RunUntil(() => Same(a, b), "the stores are the same", 120_000);
        Assert.Equal("from the future", Value(b, "r/x"));
    }

    [Fact]
    public void What_has_expired_is_not_brought_back()
    {
        var world = new VirtualWorld();
        using var a = Node(world, 1);
        using var b = Node(world, 2);
        a.Publish("r/short", "x", publisher: 1, retain: true, timeToLiveMs: 500);
        a.Publish("r/long", "x", publisher: 1, retain: true, timeToLiveMs: 60_000);
        b.Publish("r/b", "x", publisher: 2, retain: true);
        world.RunFor(1_000);
        Advance(b);
        b.Knows(a);
        world.RunUntil(() => Value(b, "r/long") is not null, "b has what is not over", 1_000);
        world.RunFor(1_000);
        Assert.Null(Value(b, "r/short"));
        Advance(a, b);
        Assert.True(Same(a, b));
        world.RunFor(60_000);
        Advance(a);
        world.RunFor(6_000);
        Assert.Null(Value(a, "r/long"));
        Advance(b);
        Assert.True(Same(a, b));
    }

    [Fact]
    public void What_returns_after_deletions_were_forgotten_is_counted()
    {
        var world = new VirtualWorld();
        using var a = Node(world, 1);
        using var b = Node(world, 2);
        Advance(a, b);
        world.RunFor(1_000);
        PublishOnBoth(a, b, "r/x", "x");
        PublishOnBoth(a, b, "r/y", "y");
        a.Publish("r/x", "", publisher: 3, retain: true);
        world.RunFor(RetainedStore.TombstoneMs + 5_000);
        Advance(a, b);
        b.Publish("r/new", "z", publisher: 2, retain: true);
        a.Knows(b);
        world.RunUntil(() => Same(a, b), "the stores are the same", 2_000);
        Assert.Equal("x", Value(a, "r/x"));
        Assert.Equal(1, a.Router.GetStatistics().RevivedRetainedEvents);
        Assert.Equal(0, b.Router.GetStatistics().RevivedRetainedEvents);

        // A node that was not there at the time cannot know better.
        using var c = Node(world, 3);
        Advance(c);
        c.Knows(a);
        world.RunUntil(() => Same(a, c), "the stores are the same", 2_000);
        Assert.Equal(0, c.Router.GetStatistics().RevivedRetainedEvents);
    }

    [Fact]
    public void A_subscriber_gets_each_event_of_a_cut_once()
    {
        var world = new VirtualWorld();
        using var a = new TestNode(world, 1);
        using var b = new TestNode(world, 2);
        using var c = new TestNode(world, 3);
        RecordingTarget wants = c.Subscribe("r/#");
        a.Knows(b, c);
        b.Knows(c);
        world.RunUntil(() => a.Up.Count == 2 && b.Up.Count == 2 && c.Up.Count == 2, "linked");
        world.RunFor(500);
        world.Network.Cut(a.Address, c.Address);
        for (int i = 0; i < 40; i++)
        {
            a.Publish($"r/{i % 20}", $"{i}", publisher: 1, retain: true);
            world.RunFor(100);
        }

        world.RunFor(3_000);
        world.Network.Heal(a.Address, c.Address);
        world.RunFor(10_000);
        Assert.True(Same(a, c));
        Assert.Equal(Enumerable.Range(0, 40).Select(i => $"{i}").Order(), wants.Payloads.Order());
    }

    [Theory]
    [InlineData(RetainedDigestsKind.Groups)]
    [InlineData(RetainedDigestsKind.Leaves)]
    [InlineData(RetainedDigestsKind.List)]
    public void Answers_that_nobody_asked_for_end_the_link(RetainedDigestsKind kind)
    {
        var world = new VirtualWorld();
        using var node = Node(world, 1);
        using var raw = new RawPeer(world, node);
        raw.Handshake();
        raw.Send(raw.Control, Frame(kind, kind == RetainedDigestsKind.List ? 3 : Group));
        Assert.Equal(ErrorCode.OutOfOrder, raw.ClosedWith);
    }

    [Theory]
    [InlineData(RetainedDigestsKind.AskGroups, 1)]
    [InlineData(RetainedDigestsKind.Groups, 63)]
    [InlineData(RetainedDigestsKind.AskLeaves, 0)]
    [InlineData(RetainedDigestsKind.AskLeaves, 65)]
    [InlineData(RetainedDigestsKind.AskLists, 65)]
    [InlineData(RetainedDigestsKind.List, 0)]
    [InlineData(RetainedDigestsKind.List, 2_049)]
    [InlineData(RetainedDigestsKind.AskEvents, 4_097)]
    [InlineData((RetainedDigestsKind)7, 1)]
    public void Frames_of_wrong_length_end_the_link(RetainedDigestsKind kind, int count)
    {
        var world = new VirtualWorld();
        using var node = Node(world, 1);
        using var raw = new RawPeer(world, node);
        raw.Handshake();
        raw.Send(raw.Control, Frame(kind, count));
        Assert.Equal(ErrorCode.Malformed, raw.ClosedWith);
    }

    [Fact]
    public void A_peer_that_asks_gets_digests_lists_and_events_each_with_an_end()
    {
        var world = new VirtualWorld();
        using var node = Node(world, 1);
        node.Publish("r/x", "v", retain: true);
        ulong hash = Fnv1a64.Hash("r/x"u8);
        int leaf = RetainedDigestsFrame.LeafOf(hash);
        using var raw = new RawPeer(world, node);
        raw.Handshake();
        raw.Send(raw.Control, Frame(RetainedDigestsKind.AskGroups, 0));
        raw.Send(raw.Control, Frame(RetainedDigestsKind.AskLeaves, 1, leaf / Group));
        raw.Send(raw.Control, Frame(RetainedDigestsKind.AskLists, 1, leaf));
        byte[] ask = Frame(RetainedDigestsKind.AskEvents, 2);
        RetainedDigestsFrame.PutU64(ask, 0, hash);
        RetainedDigestsFrame.PutU64(ask, 1, hash + 1);
        raw.Send(raw.Control, ask);
        world.RunFor(10);
        List<byte[]> digests = raw.ControlFrames(PeerFrameKind.RetainedDigests);
        Assert.Equal([8 + 512, 8 + 512, 8 + 24], digests.Select(f => f.Length));
        Assert.Equal(ErrorCode.None, RetainedDigestsFrame.TryRead(digests[2], out RetainedDigestsFrame list));
        Assert.Equal((hash, node.Router.Retained.Digest), (list.Item(0).TopicHash, list.Item(0).Digest));
        Assert.Single(raw.ControlFrames(PeerFrameKind.Retained));
        Assert.Equal(4, raw.ControlFrames(PeerFrameKind.RetainedEnd).Count);
    }

    private static TestNode Node(VirtualWorld world, int host, RouterOptions? router = null) =>
        new(world, host, HoldNothing, router: router);

    private static MeshOptions HoldNothing(MeshOptions o) => new()
    {
        Bind = o.Bind,
        NodeName = o.NodeName,
        NodeId = o.NodeId,
        Cluster = o.Cluster,
        JitterSeed = o.JitterSeed,
        Log = o.Log,
        LinkHold = TimeSpan.Zero,
    };

    private static byte[] Frame(RetainedDigestsKind kind, int count, int number = 0)
    {
        byte[] frame = new byte[RetainedDigestsFrame.BytesOf(kind, count)];
        RetainedDigestsFrame.WriteHeader(frame, kind, count);
        if (number != 0)
        {
            RetainedDigestsFrame.PutU16(frame, 0, number);
        }

        return frame;
    }

    private static void Change(VirtualWorld world, TestNode node)
    {
        int kind = world.Random.Next(6);
        node.Publish(
            $"r/{world.Random.Next(40)}",
            kind == 0 ? "" : $"{world.Random.Next()}",
            publisher: 1 + (ulong)node.Address.GetAddressBytes()[3],
            retain: true,
            timeToLiveMs: kind == 1 ? 1_000_000u : 0);
    }

    private static void PublishOnBoth(TestNode a, TestNode b, string topic, string value)
    {
        ulong stamp = a.Clock.Tick(a.Loop.UnixMs);
        foreach (TestNode node in (TestNode[])[a, b])
        {
            byte[] body = [.. BitConverter.GetBytes(value.Length), .. Encoding.UTF8.GetBytes(value)];
            node.Router.Publish(new EventRun
            {
                Topic = node.Router.Intern(Encoding.UTF8.GetBytes(topic)),
                Publisher = 77,
                Number = stamp,
                Timestamp = stamp,
                Count = 1,
                Flags = RunFlags.Retain,
                Body = body,
            });
            node.Clock.Observe(stamp, node.Loop.UnixMs);
        }
    }

    private static void Advance(params TestNode[] nodes)
    {
        foreach (TestNode node in nodes)
        {
            node.Router.AdvanceTime(HybridClock.FromUnixMs(node.Loop.UnixMs));
        }
    }

    private static bool Same(TestNode a, TestNode b) =>
        a.Router.Retained.Digest == b.Router.Retained.Digest && a.Router.Retained.Count == b.Router.Retained.Count;

    private static List<string> Values(TestNode node)
    {
        var all = new List<RetainedEvent>();
        node.Router.Retained.CollectAll(all);
        return [.. all.Select(e => $"{e.Topic.Text}={Encoding.UTF8.GetString(e.Body[4..])}").Order()];
    }

    private static string? Value(TestNode node, string topic) =>
        node.Router.Retained.TryGet(node.Router.Intern(Encoding.UTF8.GetBytes(topic)), out RetainedEvent? retained)
        && !retained.IsTombstone
            ? Encoding.UTF8.GetString(retained.Body[4..])
            : null;
}
