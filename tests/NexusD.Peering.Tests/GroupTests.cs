using NexusD.Protocol;

namespace NexusD.Peering.Tests;

/// <summary>Groups over several nodes: each event reaches one member, wherever it is.</summary>
public sealed class GroupTests
{
    private const string Filter = "$share/g/t/#";

    [Theory]
    [InlineData(GroupStrategy.Sticky)]
    [InlineData(GroupStrategy.RoundRobin)]
    [InlineData(GroupStrategy.LeastPending)]
    [InlineData(GroupStrategy.LocalFirst)]
    public void Each_event_reaches_one_member_and_every_plain_subscription(GroupStrategy strategy)
    {
        var world = new VirtualWorld();
        using var a = new TestNode(world, 1);
        using var b = new TestNode(world, 2);
        using var c = new TestNode(world, 3);
        TestNode[] nodes = [a, b, c];
        RecordingTarget[] members = [.. nodes.SelectMany(n => new[] { n.Join(Filter, strategy), n.Join(Filter) })];
        RecordingTarget[] plain = [.. nodes.Select(n => n.Subscribe("t/*"))];
        Link(world, nodes);
        for (int i = 0; i < 300; i++)
        {
            nodes[i % 3].Publish($"t/{i % 40}", $"{i}", publisher: 7 + (ulong)(i % 3));
        }

        world.RunUntil(() => members.Sum(m => m.Events.Count) >= 300, "all has come");
        world.RunFor(200);
        string[] all = [.. Enumerable.Range(0, 300).Select(i => $"{i}").Order()];
        Assert.Equal(all, members.SelectMany(m => m.Payloads).Order());
        Assert.All(plain, p => Assert.Equal(all, p.Payloads.Order()));
        Assert.All(members, m => Assert.NotEmpty(m.Events));
    }

    [Fact]
    public void All_nodes_send_the_events_of_a_topic_to_the_same_member()
    {
        var world = new VirtualWorld();
        using var a = new TestNode(world, 1);
        using var b = new TestNode(world, 2);
        using var c = new TestNode(world, 3);
        TestNode[] nodes = [a, b, c];
        RecordingTarget[] members = [.. nodes.Select(n => n.Join(Filter))];
        Link(world, nodes);
        for (int topic = 0; topic < 50; topic++)
        {
            foreach (TestNode node in nodes)
            {
                node.Publish($"t/{topic}", $"{topic}", publisher: (ulong)(100 + Array.IndexOf(nodes, node)));
            }
        }

        world.RunUntil(() => members.Sum(m => m.Events.Count) == 150, "all has come");
        for (int topic = 0; topic < 50; topic++)
        {
            Assert.Single(members, m => m.Payloads.Count(p => p == $"{topic}") == 3);
        }
    }

    [Fact]
    public void A_retained_event_that_found_no_way_is_sent_after_all_to_members_too_and_told_to_nobody()
    {
        var world = new VirtualWorld();
        using var a = new TestNode(world, 1, o => new MeshOptions
        {
            Bind = o.Bind,
            NodeName = o.NodeName,
            Cluster = o.Cluster,
            NodeId = o.NodeId,
            JitterSeed = o.JitterSeed,
            Log = o.Log,
            LinkHold = TimeSpan.Zero,
        });
        using var b = new TestNode(world, 2);
        RecordingTarget member = b.Join(Filter);
        RecordingTarget plain = b.Subscribe("#");
        Link(world, [a, b]);
        a.Publish("t/1", "first");
        world.RunUntil(() => member.Events.Count == 1 && plain.Events.Count == 1, "the first has come");
        world.Network.Cut(a.Address, b.Address);
        world.RunFor(10_000);
        a.Publish("t/2", "kept", retain: true);
        world.RunFor(100);
        world.Network.Heal(a.Address, b.Address);
        world.RunUntil(() => member.Events.Count == 2 && plain.Events.Count == 2, "the retained one has come");
        world.RunFor(1_000);
        Assert.Equal(["first", "kept"], member.Payloads);
        Assert.Equal(["first", "kept"], plain.Payloads);
        Assert.Empty(plain.Gaps);
    }

    [Fact]
    public void What_is_under_way_to_a_member_that_leaves_reaches_another()
    {
        var world = new VirtualWorld();
        using var a = new TestNode(world, 1);
        using var b = new TestNode(world, 2);
        using var c = new TestNode(world, 3);
        RecordingTarget leaves = b.Join(Filter);
        RecordingTarget stays = c.Join(Filter);
        Link(world, [a, b, c]);
        for (int i = 0; i < 100; i++)
        {
            a.Publish($"t/{i}", $"{i}");
        }

        b.Router.Unsubscribe(leaves); // before anything has come
        world.RunUntil(() => stays.Events.Count == 100, "all has come to the one that stays");
        world.RunFor(100);
        Assert.Equal((0, 100), (leaves.Events.Count, stays.Events.Count));
        Assert.InRange(b.Router.GetStatistics().RedirectedEvents, 20, 80);
        Assert.Equal(0, b.Router.GetStatistics().NoMemberEvents);
    }

    [Fact]
    public void Within_a_second_nothing_goes_to_a_node_that_died_and_what_did_is_counted()
    {
        var world = new VirtualWorld();
        using var a = new TestNode(world, 1);
        var b = new TestNode(world, 2);
        using var c = new TestNode(world, 3);
        RecordingTarget dead = b.Join(Filter);
        RecordingTarget living = c.Join(Filter);
        Link(world, [a, b, c]);
        b.Kill();
        int published = 0;
        for (int ms = 0; ms < 3_000; ms += 50)
        {
            for (int i = 0; i < 10; i++)
            {
                a.Publish($"t/{i}", $"{published++}");
            }

            if (ms == 950)
            {
                int underWay = published;
                world.RunFor(20);
                Assert.InRange(living.Events.Count, 1, underWay - 1);
            }

            world.RunFor(50);
        }

        // What was published later than one second after the death has all come.
        Assert.Equal([.. Enumerable.Range(200, 400).Select(i => $"{i}")],
            living.Payloads.Where(p => int.Parse(p, null) >= 200));
        Assert.Empty(dead.Events);
        using var again = new TestNode(world, 2);
        world.RunUntil(
            () => a.Snapshot.Counters.DroppedLinkLost + living.Events.Count == published,
            "what was sent to the dead node is counted",
            70_000);
        b.Dispose();
    }

    [Fact]
    public void A_paused_node_gets_what_was_sent_to_it_once_it_goes_on_and_nobody_else_does()
    {
        var world = new VirtualWorld();
        using var a = new TestNode(world, 1);
        using var b = new TestNode(world, 2);
        using var c = new TestNode(world, 3);
        RecordingTarget[] members = [b.Join(Filter), c.Join(Filter)];
        Link(world, [a, b, c]);
        world.Network.Cut(a.Address, b.Address);
        for (int i = 0; i < 200; i++)
        {
            a.Publish($"t/{i % 20}", $"{i}");
            world.RunFor(50);
        }

        world.Network.Heal(a.Address, b.Address);
        world.RunUntil(() => members.Sum(m => m.Events.Count) == 200, "all has come", 20_000);
        Assert.Equal(200, members.SelectMany(m => m.Payloads).Distinct().Count());
        int before = members[0].Events.Count;
        for (int i = 0; i < 20; i++)
        {
            a.Publish($"t/{i}", $"again {i}");
        }

        world.RunUntil(() => members.Sum(m => m.Events.Count) == 220, "all has come");
        Assert.InRange(members[0].Events.Count, before + 1, before + 19);
    }

    [Fact]
    public void Membership_survives_a_repair()
    {
        var world = new VirtualWorld();
        using var a = new TestNode(world, 1);
        using var b = new TestNode(world, 2);
        RecordingTarget first = b.Join(Filter);
        Link(world, [a, b]);
        world.Network.Cut(a.Address, b.Address);
        world.RunUntil(() => a.Up.Count == 0, "the link is down", 5_000);
        b.Router.Unsubscribe(first);
        RecordingTarget second = b.Join(Filter);
        b.Join("$share/h/#");
        world.Network.Heal(a.Address, b.Address);
        world.RunUntil(() => a.Router.GetStatistics().PeerMembers == 2 && a.Up.Count == 1, "the members are known");
        world.RunFor(500);
        Assert.Equal(2, a.Router.GetStatistics().PeerMembers);
        a.Publish("t/1", "x");
        world.RunUntil(() => second.Events.Count == 1, "it has come");
        Assert.Equal(1, a.Snapshot.Links.Count(l => l.GroupMembers == 2));
    }

    private static void Link(VirtualWorld world, TestNode[] nodes)
    {
        foreach (TestNode node in nodes)
        {
            node.Knows([.. nodes.Where(n => n != node)]);
        }

        int members = nodes.Sum(n => n.Router.GetStatistics().LocalMembers);
        world.RunUntil(
            () => nodes.All(n => n.Up.Count == nodes.Length - 1
                && n.Router.GetStatistics() is var s && s.PeerMembers + s.LocalMembers == members),
            "all know all members");
        world.RunFor(300);
    }
}
