using NexusD.Protocol;
using NexusD.Routing;

namespace NexusD.Peering.Tests;

/// <summary>Cuts of every kind: what was published arrives once and in order, or is told as lost.</summary>
public sealed class HealingTests
{
    [Theory]
    [InlineData(200)]
    [InlineData(4_000)]
    [InlineData(30_000)]
    public void What_is_published_during_a_cut_arrives_after_it(int cutMs)
    {
        var world = new VirtualWorld(cutMs);
        using var a = new TestNode(world, 1);
        using var b = new TestNode(world, 2);
        RecordingTarget atB = Link(world, a, b);
        for (int i = 0; i < 300; i++)
        {
            a.Publish($"t/{i % 7}", $"{i}", publisher: 10 + (ulong)(i % 5));
            if (i == 100)
            {
                world.Network.Cut(a.Address, b.Address);
            }

            world.RunFor(cutMs / 200.0);
        }

        world.Network.Heal(a.Address, b.Address);
        world.RunUntil(() => atB.Events.Count == 300, "everything has arrived");
        world.RunFor(2_000);
        CheckExact(a, atB, published: 300);
        Assert.Empty(atB.Gaps);
        Assert.Equal(0, a.Up[0].QueuedBytes);
    }

    [Fact]
    public void Whatever_a_flapping_link_goes_through_nothing_is_lost_doubled_or_reordered()
    {
        for (int seed = 1; seed <= 200; seed++)
        {
            Flap(seed);
        }
    }

    [Fact]
    public void Whatever_does_not_fit_or_is_held_too_long_is_told_exactly()
    {
        for (int seed = 1; seed <= 150; seed++)
        {
            FlapBeyondBounds(seed);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_one_way_cut_is_noticed_by_both_within_three_seconds(bool publisherIsMute)
    {
        var world = new VirtualWorld();
        using var a = new TestNode(world, 1);
        using var b = new TestNode(world, 2);
        RecordingTarget atB = Link(world, a, b);
        world.RunFor(5_000);
        (TestNode mute, TestNode deaf) = publisherIsMute ? (a, b) : (b, a);
        world.Network.CutOneWay(mute.Address, deaf.Address);
        a.Publish("t/x", "during");
        world.RunUntil(() => a.Up.Count == 0 && b.Up.Count == 0, "both have noticed", 3_100);
        a.Publish("t/x", "held");
        world.RunFor(10_000);
        Assert.Empty(a.Up);
        world.Network.Heal(mute.Address, deaf.Address);
        world.RunUntil(() => atB.Events.Count == 2, "everything has arrived", 3_000);
        Assert.Equal(["during", "held"], atB.Payloads);
        CheckExact(a, atB, published: 2);
    }

    [Fact]
    public void A_node_that_was_paused_gets_what_it_missed()
    {
        var world = new VirtualWorld();
        using var a = new TestNode(world, 1);
        using var b = new TestNode(world, 2);
        RecordingTarget atB = Link(world, a, b);
        b.Loop.IsPaused = true;
        world.Network.Cut(a.Address, b.Address); // what arrives waits in the kernel
        for (int i = 0; i < 100; i++)
        {
            a.Publish("t/x", $"{i}");
            world.RunFor(80);
        }

        Assert.Empty(a.Up);
        b.Loop.IsPaused = false;
        world.Network.Heal(a.Address, b.Address);
        world.RunUntil(() => atB.Events.Count == 100, "everything has arrived", 5_000);
        CheckExact(a, atB, published: 100);
    }

    [Fact]
    public void What_does_not_fit_while_the_peer_is_away_is_told_exactly()
    {
        var world = new VirtualWorld();
        using var a = new TestNode(world, 1, o => With(o, queue: 1 << 20));
        using var b = new TestNode(world, 2);
        RecordingTarget atB = Link(world, a, b);
        world.Network.Cut(a.Address, b.Address);
        world.RunUntil(() => a.Up.Count == 0, "the link is down");
        for (int i = 0; i < 3_000; i++)
        {
            a.Publish($"t/{i % 3}", new string('x', 1_000), publisher: 1 + (ulong)(i % 4));
        }

        Assert.InRange(a.Pool.RentedBytes, 1 << 20, 2_000_000);
        world.Network.Heal(a.Address, b.Address);
        world.RunUntil(() => a.Up.Count == 1, "linked again");
        world.RunFor(1_000);
        CheckExact(a, atB, published: 3_000);
        Assert.NotEmpty(atB.Gaps);
        Assert.All(atB.Gaps, g => Assert.Equal((DropReason.LinkFull, "node-1"), (g.Reason, g.Where)));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(10)]
    public void What_is_held_too_long_is_given_up_and_told_exactly(int holdSeconds)
    {
        var world = new VirtualWorld();
        using var a = new TestNode(world, 1, o => With(o, hold: TimeSpan.FromSeconds(holdSeconds)));
        using var b = new TestNode(world, 2);
        RecordingTarget atB = Link(world, a, b);
        world.Network.Cut(a.Address, b.Address);
        a.Publish("t/x", "in flight");
        world.RunUntil(() => a.Up.Count == 0, "the link is down");
        a.Publish("t/x", "held and given up");
        world.RunFor((holdSeconds * 1_000) + 50);
        Assert.Equal(1, a.Snapshot.Counters.DroppedLinkDown);
        a.Publish("t/x", "not held");
        world.RunFor(60_000);
        Assert.Equal(2, a.Snapshot.Counters.DroppedLinkDown);
        Assert.InRange(a.Pool.RentedBytes, 0, 8_192);
        world.Network.Heal(a.Address, b.Address);
        world.RunUntil(() => a.Up.Count == 1, "linked again");
        a.Publish("t/x", "after");
        world.RunFor(1_000);
        Assert.Equal(["in flight", "after"], atB.Payloads);
        CheckExact(a, atB, published: 4);
        GapNotice gap = Assert.Single(atB.Gaps);
        Assert.Equal((2UL, DropReason.LinkDown, "node-1"), (gap.Count, gap.Reason, gap.Where));
        Assert.Equal(0, a.Snapshot.Counters.DroppedLinkLost);
    }

    [Fact]
    public void A_process_that_was_killed_gets_nothing_of_the_former_and_its_share_is_counted()
    {
        var world = new VirtualWorld();
        using var a = new TestNode(world, 1);
        var b = new TestNode(world, 2);
        Link(world, a, b);
        b.Kill();
        for (int i = 0; i < 20; i++)
        {
            a.Publish("t/x", $"{i}");
        }

        world.RunFor(100);
        using var again = new TestNode(world, 2);
        RecordingTarget atB = again.Subscribe("t/#");
        again.Knows(a);
        world.RunUntil(() => a.Publish("t/probe", "p", publisher: 99).Peers == 1 && atB.Events.Count > 0, "linked");
        world.RunFor(1_000);
        Assert.All(atB.Events, e => Assert.Equal("t/probe", e.Topic));
        Assert.True(a.Snapshot.Counters.DroppedLinkLost >= 20);
        Assert.Contains(a.Log.Lines, l => l.StartsWith("gave up", StringComparison.Ordinal));
        Assert.Equal(0, a.Snapshot.Counters.DroppedLinkDown);
    }

    [Fact]
    public void A_peer_that_is_away_for_an_hour_is_forgotten()
    {
        var world = new VirtualWorld();
        using var a = new TestNode(world, 1);
        using var b = new TestNode(world, 2);
        Link(world, a, b);
        world.Network.Cut(a.Address, b.Address);
        world.RunFor(3_500_000);
        Assert.Equal(1, a.Router.GetStatistics().Links);
        Assert.Equal(1, a.Publish("t/x", "1").Peers);
        world.RunFor(110_000);
        Assert.Equal(0, a.Router.GetStatistics().Links);
        Assert.Equal(0, a.Publish("t/x", "2").Peers);
        Assert.DoesNotContain(a.Snapshot.Links, l => l.State == LinkState.Down);
    }

    [Fact]
    public void Leaving_is_no_warning_and_loses_nothing()
    {
        var world = new VirtualWorld();
        var a = new TestNode(world, 1);
        using var b = new TestNode(world, 2);
        RecordingTarget atB = Link(world, a, b);
        b.Knows(a);
        world.RunFor(1_500);
        for (int i = 0; i < 2_000; i++)
        {
            a.Publish($"t/{i % 3}", new string('x', 500), publisher: 1 + (ulong)(i % 4));
        }

        bool left = false;
        a.Mesh.Leave(TimeSpan.FromSeconds(5), () => left = true);
        world.RunUntil(() => left, "it has left", 2_000);
        world.RunFor(50);
        CheckExact(a, atB, published: 2_000);
        Assert.Equal(2_000, atB.Events.Count);
        Assert.Contains("left node-1", b.Log.Lines);
        Assert.DoesNotContain(b.Log.Lines, l => l.StartsWith("down", StringComparison.Ordinal));
        Assert.Equal(0, b.Router.GetStatistics().Links);
        Assert.Equal(0, a.Snapshot.Counters.DroppedLinkLost + b.Snapshot.Counters.DroppedLinkLost);
    }

    [Fact]
    public void Leaving_tells_what_a_full_queue_lost()
    {
        var world = new VirtualWorld();
        var a = new TestNode(world, 1, o => With(o, queue: 1 << 20));
        using var b = new TestNode(world, 2);
        RecordingTarget atB = Link(world, a, b);
        a.Publish("t/x", "first", publisher: 1);
        world.RunFor(100);
        world.Network.Cut(a.Address, b.Address);
        for (int i = 0; i < 3_000; i++)
        {
            a.Publish("t/x", new string('x', 1_000), publisher: 1);
            world.RunFor(0.1);
        }

        Assert.InRange(a.Snapshot.Counters.DroppedLinkFull, 1_500, 2_500);
        bool left = false;
        a.Mesh.Leave(TimeSpan.FromSeconds(5), () => left = true);
        world.RunFor(100);
        Assert.False(left);
        world.Network.Heal(a.Address, b.Address);
        world.RunUntil(() => left, "it has left", 4_000);
        world.RunFor(50);
        CheckExact(a, atB, published: 3_001);
        Assert.Contains("left node-1", b.Log.Lines);
    }

    private static void Flap(int seed)
    {
        var world = new VirtualWorld(seed);
        world.Network.JitterNs = 20_000_000;
        using var a = new TestNode(world, 1);
        using var b = new TestNode(world, 2);
        RecordingTarget atB = Link(world, a, b);
        RecordingTarget atA = a.Subscribe("t/#");
        b.Knows(a);
        world.RunUntil(() => b.Router.GetStatistics().PeerInterests == 1, "interest is known there, too");
        for (int i = 0; i < 400; i++)
        {
            string text = i % 50 == 0 ? new string('y', 40_000) : $"{i}";
            a.Publish($"t/{i % 9}", text, publisher: 10 + (ulong)(i % 5));
            b.Publish($"t/{i % 9}", text, publisher: 20 + (ulong)(i % 5));
            switch (world.Random.Next(25))
            {
                case 0:
                    world.Network.Cut(a.Address, b.Address);
                    break;
                case 1:
                    world.Network.CutOneWay(b.Address, a.Address);
                    break;
                case 2 or 3 or 4:
                    world.Network.Heal(a.Address, b.Address);
                    break;
                case 5:
                    a.Endpoint.Own.FirstOrDefault(c => !c.IsOver)?.Close(0, "the test cuts it");
                    break;
            }

            world.RunFor(world.Random.Next(120));
        }

        world.Network.Heal(a.Address, b.Address);
        world.RunFor(15_000);
        Assert.True(atB.Events.Count == 800 && atA.Events.Count == 800, $"seed {seed} lost or doubled events");
        CheckExact(a, atB, published: 400);
        Assert.Empty(atB.Gaps);
        Assert.Equal(0, a.Router.GetStatistics().DuplicateEvents + b.Router.GetStatistics().DuplicateEvents);
    }

    // Short holding times and small queues: some is given up in every way there is, and all of it is told.
    private static void FlapBeyondBounds(int seed)
    {
        var world = new VirtualWorld(seed);
        world.Network.JitterNs = 10_000_000;
        TimeSpan hold = TimeSpan.FromMilliseconds(world.Random.Next(4_000));
        using var a = new TestNode(world, 1, o => With(o, queue: 1 << 20, hold));
        using var b = new TestNode(world, 2);
        RecordingTarget atB = Link(world, a, b);
        for (ulong publisher = 10; publisher < 15; publisher++)
        {
            a.Publish("t/first", "1", publisher);
        }

        world.RunFor(500);
        for (int i = 0; i < 500; i++)
        {
            string[] payloads = [.. Enumerable.Repeat(new string('y', world.Random.Next(9_000)), 1 + (i % 3))];
            a.PublishMany($"t/{i % 9}", payloads, publisher: 10 + (ulong)(i % 5));
            if (world.Random.Next(40) == 0)
            {
                world.Network.Cut(a.Address, b.Address);
            }
            else if (world.Random.Next(100) == 0)
            {
                world.Network.CutOneWay(b.Address, a.Address);
            }
            else if (world.Random.Next(50) == 0)
            {
                world.Network.Heal(a.Address, b.Address);
            }

            world.RunFor(world.Random.Next(100));
        }

        world.Network.Heal(a.Address, b.Address);
        world.RunFor(15_000);
        CheckExact(a, atB, published: 5 + Enumerable.Range(0, 500).Sum(i => 1 + (i % 3)));
    }

    private static RecordingTarget Link(VirtualWorld world, TestNode a, TestNode b)
    {
        RecordingTarget wants = b.Subscribe("t/#");
        a.Knows(b);
        world.RunUntil(() => a.Router.GetStatistics().PeerInterests == 1, "interest is known");

        // Gaps are told to those that had something of the publisher before.
        world.RunFor(100);
        return wants;
    }

    private static MeshOptions With(MeshOptions o, long queue = 64 << 20, TimeSpan? hold = null) => new()
    {
        Bind = o.Bind,
        NodeName = o.NodeName,
        Cluster = o.Cluster,
        Log = o.Log,
        LinkQueueBytes = queue,
        LinkHold = hold ?? TimeSpan.FromSeconds(60),
    };

    // Each publisher's events came in order and once, and what is missing lies in gaps that count exactly that.
    private static void CheckExact(TestNode from, RecordingTarget at, int published)
    {
        foreach (IGrouping<ulong, (string Topic, ulong Publisher, ulong Number, string Payload)> group in
                 at.Events.GroupBy(e => e.Publisher))
        {
            ulong[] numbers = [.. group.Select(e => e.Number)];
            Assert.Equal(numbers.Distinct().Order(), numbers);
        }

        long told = at.Gaps.Sum(g => (long)g.Count);
        int own = at.Events.Count(e => e.Publisher < 20);
        Assert.True(published == own + told, $"{published} published, {own} delivered, {told} told as lost");
        MeshCounters counters = from.Snapshot.Counters;
        Assert.Equal(told, counters.DroppedLinkFull + counters.DroppedLinkDown + counters.DroppedLinkLost);
    }
}
