using System.Text;
using NexusD.Peering.Tests.Simulation;
using NexusD.Protocol;
using NexusD.Protocol.Peer;
using NexusD.Routing;
using NexusD.Routing.Retained;

namespace NexusD.Peering.Tests;

/// <summary>Retained repair: after joining and after a cut both stores are the same, deletions included.</summary>
public sealed class RetainedTests
{
    [Fact]
    public void A_node_that_joins_gets_what_is_retained_and_its_subscribers_too()
    {
        var world = new VirtualWorld();
        using var a = new TestNode(world, 1);
        for (int i = 0; i < 500; i++)
        {
            a.Publish($"r/{i}", $"value {i}", publisher: 3 + (ulong)(i % 4), retain: true);
        }

        using var b = new TestNode(world, 2);
        RecordingTarget wants = b.Subscribe("r/#");
        b.Knows(a);
        world.RunUntil(() => b.Router.Retained.Digest == a.Router.Retained.Digest, "the stores are the same", 2_000);
        Assert.Equal(500, b.Router.Retained.Count);
        Assert.Equal(500, wants.Events.Count);
        Assert.Equal("value 17", Value(b, "r/17"));
        Assert.Equal(1, b.Snapshot.Counters.RetainedRepairs);
        Assert.Equal(500, b.Snapshot.Counters.RetainedRepaired);
    }

    [Fact]
    public void After_a_cut_both_directions_are_repaired_and_the_newest_wins()
    {
        var world = new VirtualWorld();
        using var a = new TestNode(world, 1);
        using var b = new TestNode(world, 2);
        a.Knows(b);
        b.Knows(a);
        world.RunUntil(() => a.Up.Count == 1 && b.Up.Count == 1, "linked");
        a.Publish("both", "before", publisher: 1, retain: true);
        a.Publish("deleted-at-a", "x", publisher: 1, retain: true);
        a.Publish("deleted-at-b", "x", publisher: 1, retain: true);
        world.RunFor(200);
        Assert.Equal(3, b.Router.Retained.Count);
        world.Network.Cut(a.Address, b.Address);
        world.RunUntil(() => a.Up.Count == 0 && b.Up.Count == 0, "the link is down");
        a.Publish("both", "from a, older", publisher: 1, retain: true);
        a.Publish("only-a", "1", publisher: 1, retain: true);
        a.Publish("deleted-at-a", "", publisher: 1, retain: true);
        world.RunFor(100);
        b.Publish("both", "from b, newer", publisher: 2, retain: true);
        b.Publish("only-b", "2", publisher: 2, retain: true);
        b.Publish("deleted-at-b", "", publisher: 2, retain: true);
        world.RunFor(20_000);
        world.Network.Heal(a.Address, b.Address);
        world.RunUntil(
            () => a.Router.Retained.Digest == b.Router.Retained.Digest && a.Router.Retained.Count == 5,
            "the stores are the same",
            3_000);
        foreach (TestNode node in (TestNode[])[a, b])
        {
            Assert.Equal("from b, newer", Value(node, "both"));
            Assert.Equal("1", Value(node, "only-a"));
            Assert.Equal("2", Value(node, "only-b"));
            Assert.Null(Value(node, "deleted-at-a"));
            Assert.Null(Value(node, "deleted-at-b"));
        }
    }

    [Fact]
    public void Three_nodes_come_to_the_same_store_whatever_the_order()
    {
        for (int seed = 1; seed <= 5; seed++)
        {
            var world = new VirtualWorld(seed);
            world.Network.JitterNs = 4_000_000;
            using var a = new TestNode(world, 1);
            using var b = new TestNode(world, 2);
            using var c = new TestNode(world, 3);
            TestNode[] nodes = [a, b, c];
            b.Loop.ClockSkewMs = 700;
            for (int i = 0; i < 300; i++)
            {
                TestNode node = nodes[world.Random.Next(3)];
                string value = world.Random.Next(4) == 0 ? "" : $"{i}";
                node.Publish($"r/{world.Random.Next(40)}", value, 1 + (ulong)Array.IndexOf(nodes, node), retain: true);
                world.RunFor(2);
                if (i == 100)
                {
                    a.Knows(b);
                }

                if (i == 200)
                {
                    c.Knows(a, b);
                }
            }

            world.RunUntil(
                () => nodes.All(n => n.Router.Retained.Digest == a.Router.Retained.Digest), "all are the same", 20_000);
            Assert.All(nodes, n => Assert.Equal(a.Router.Retained.Count, n.Router.Retained.Count));
        }
    }

    [Fact]
    public void A_big_store_is_sent_as_it_is_acknowledged()
    {
        var world = new VirtualWorld();
        using var a = new TestNode(world, 1);
        for (int i = 0; i < 300; i++)
        {
            a.Publish($"r/{i}", new string('x', 100_000), retain: true);
        }

        using var b = new TestNode(world, 2);
        world.Network.PieceBytes = 100_000;
        long most = 0;
        b.Knows(a);
        world.RunUntil(
            () =>
            {
                most = Math.Max(most, a.Endpoint.Own.Sum(c => c.UnacknowledgedBytes));
                return b.Router.Retained.Digest == a.Router.Retained.Digest;
            },
            "the stores are the same");
        Assert.InRange(most, 1_000_000, 3_000_000);
    }

    [Fact]
    public void A_question_before_the_last_answer_has_ended_ends_the_link()
    {
        var world = new VirtualWorld();
        using var node = new TestNode(world, 1);
        for (int i = 0; i < 100; i++)
        {
            node.Publish($"r/{i}", new string('x', 50_000), retain: true);
        }

        using var raw = new RawPeer(world, node);
        raw.Handshake();
        raw.Send(raw.Control, RawPeer.Empty(PeerFrameKind.RetainedRequest));
        world.RunFor(1_000);
        Assert.Equal(100, raw.ControlFrames(PeerFrameKind.Retained).Count);
        Assert.Single(raw.ControlFrames(PeerFrameKind.RetainedEnd));
        node.Endpoint.Own.Single().HoldsAcks = true;
        raw.Send(raw.Control, RawPeer.Empty(PeerFrameKind.RetainedRequest));
        raw.Send(raw.Control, RawPeer.Empty(PeerFrameKind.RetainedRequest));
        world.RunUntil(() => raw.Closed is not null, "the link is closed");
        Assert.Equal(ErrorCode.OutOfOrder, raw.ClosedWith);
    }

    [Fact]
    public void A_difference_that_answers_do_not_mend_is_not_asked_about_again()
    {
        var world = new VirtualWorld();
        using var node = new TestNode(world, 1);
        using var raw = new RawPeer(world, node);
        raw.Handshake();
        int asked = 0;
        for (int second = 0; second < 600; second++)
        {
            // From the middle on it is another difference at each look.
            ulong digest = second < 300 ? 12345 : (ulong)second;
            raw.Send(raw.Control, State(PeerFrameKind.RetainedState, digest));
            if (raw.ControlFrames(PeerFrameKind.RetainedRequest).Count > asked)
            {
                asked++;
                raw.Send(raw.Control, State(PeerFrameKind.RetainedEnd, digest));
            }

            world.RunFor(990);
            Assert.True(asked == 1 || second >= 300);
        }

        Assert.InRange(asked, 5, 14);
    }

    [Fact]
    public void A_comparison_in_vain_does_not_put_off_the_repair_of_what_comes_later()
    {
        var world = new VirtualWorld();
        using var node = new TestNode(world, 1);
        using var raw = new RawPeer(world, node);
        raw.Handshake();
        raw.Send(raw.Control, State(PeerFrameKind.RetainedState, 1));
        Assert.Single(raw.ControlFrames(PeerFrameKind.RetainedRequest));
        raw.Send(raw.Control, State(PeerFrameKind.RetainedEnd, 1));
        raw.Send(raw.Control, State(PeerFrameKind.RetainedState, 2));
        Assert.Single(raw.ControlFrames(PeerFrameKind.RetainedRequest));
        world.RunFor(600);
        Assert.Equal(2, raw.ControlFrames(PeerFrameKind.RetainedRequest).Count);
    }

    [Fact]
    public void An_older_event_does_not_come_back_from_elsewhere_when_a_newer_one_has_expired()
    {
        var world = new VirtualWorld();
        using var a = new TestNode(world, 1);
        using var b = new TestNode(world, 2, WithoutHolding);
        using var c = new TestNode(world, 3);
        RecordingTarget atB = b.Subscribe("r/#");
        RecordingTarget atA = a.Subscribe("r/#");
        a.Knows(b, c);
        b.Knows(c);
        world.RunUntil(() => a.Up.Count == 2 && b.Up.Count == 2, "linked");
        world.RunFor(500);
        b.Publish("r/x", "old", publisher: 2, retain: true);
        world.RunFor(500);
        world.Network.Cut(b.Address, c.Address);
        world.Network.Cut(a.Address, c.Address);
        world.RunUntil(() => a.Up.Count == 1 && b.Up.Count == 1, "one node is cut off", 4_000);
        b.Publish("r/x", "short", publisher: 2, retain: true, timeToLiveMs: 1_000);
        world.RunFor(2_000);
        foreach (TestNode node in (TestNode[])[a, b, c])
        {
            node.Router.AdvanceTime(HybridClock.FromUnixMs(node.Loop.UnixMs));
        }

        world.Network.Heal(b.Address, c.Address);
        world.Network.Heal(a.Address, c.Address);
        world.RunUntil(() => a.Up.Count == 2 && b.Up.Count == 2, "linked again");
        world.RunFor(3_000);
        Assert.Equal(["old", "short"], atB.Payloads);
        Assert.Equal(["old", "short"], atA.Payloads);
        Assert.All((TestNode[])[a, b, c], node => Assert.False(Has(node, "r/x")));
        Assert.Equal(a.Router.Retained.Digest, c.Router.Retained.Digest);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_found_no_room_is_sent_after_all_while_it_is_retained_and_told_as_lost_when_not(bool byOthers)
    {
        var world = new VirtualWorld();
        using var a = new TestNode(world, 1, WithoutHolding);
        using var b = new TestNode(world, 2);
        using var c = new TestNode(world, 3);
        RecordingTarget atB = b.Subscribe("r/#");
        a.Knows(b, c);
        b.Knows(c);
        world.RunUntil(() => a.Up.Count == 2 && b.Up.Count == 2, "linked");
        world.RunFor(500);
        a.Publish("r/x", "1", publisher: 1, retain: true);
        world.RunFor(500);
        world.Network.Cut(a.Address, b.Address);
        if (!byOthers)
        {
            world.Network.Cut(c.Address, b.Address);
        }

        world.RunUntil(() => a.Up.All(l => l.NodeName == "node-3"), "the link is down", 4_000);
        a.Publish("r/x", "2", publisher: 1, retain: true);
        world.RunFor(2_000);
        a.Publish("r/x", "3", publisher: 1, retain: true);
        a.Publish("r/y", "4", publisher: 1, retain: true);
        a.Publish("r/z", "5", publisher: 1);
        world.RunFor(2_000);
        world.Network.Heal(a.Address, b.Address);
        world.Network.Heal(c.Address, b.Address);
        world.RunFor(6_000);
        a.Publish("r/z", "6", publisher: 1);
        world.RunFor(500);
        Assert.Equal(["1", "3", "4", "6"], atB.Payloads.Where(p => p != "2").Order());
        Assert.Equal(6, atB.Events.Count + atB.Gaps.Sum(g => (int)g.Count));
        Assert.Equal(byOthers ? 1 : 2, atB.Gaps.Count);
        Assert.All(atB.Gaps, g => Assert.Equal(DropReason.LinkDown, g.Reason));
    }

    [Fact]
    public void A_retained_event_with_properties_arrives_as_it_was()
    {
        var world = new VirtualWorld();
        using var a = new TestNode(world, 1);
        byte[] properties = [PropertyId.ContentType, 4, 0, .. "text"u8, PropertyId.Priority, 1, 0, 2];
        a.Publish("r/x", "v", retain: true, priority: Priority.Low, properties: properties);
        using var b = new TestNode(world, 2);
        b.Knows(a);
        world.RunUntil(() => b.Router.Retained.Digest == a.Router.Retained.Digest, "the stores are the same", 2_000);
        Assert.True(b.Router.Retained.TryGet(b.Router.Intern("r/x"u8), out RetainedEvent? got));
        Assert.Equal(properties, got.Properties.ToArray());
        Assert.Equal(Priority.Low, got.Priority);
    }

    private static MeshOptions WithoutHolding(MeshOptions o) => new()
    {
        Bind = o.Bind,
        NodeName = o.NodeName,
        NodeId = o.NodeId,
        Cluster = o.Cluster,
        JitterSeed = o.JitterSeed,
        Log = o.Log,
        LinkHold = TimeSpan.Zero,
    };

    private static bool Has(TestNode node, string topic) => Value(node, topic) is not null;

    private static byte[] State(byte kind, ulong digest)
    {
        byte[] bytes = new byte[RetainedStateFrame.FrameBytes];
        new RetainedStateFrame(digest, 3, kind == PeerFrameKind.RetainedEnd).Write(bytes);
        return bytes;
    }

    private static string? Value(TestNode node, string topic) =>
        node.Router.Retained.TryGet(node.Router.Intern(Encoding.UTF8.GetBytes(topic)), out RetainedEvent? retained)
        && !retained.IsTombstone
            ? Encoding.UTF8.GetString(retained.Body[4..])
            : null;
}
