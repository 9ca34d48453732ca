using NexusD.Routing;

namespace NexusD.Peering.Tests;

/// <summary>A node that leaves while a peer is out of reach: what it has accepted gets there, or is counted.</summary>
public sealed class LeavingTests
{
    private const int Events = 500;

    [Theory]
    [InlineData(10, true)]
    [InlineData(10, false)]
    [InlineData(3_500, true)]
    [InlineData(3_500, false)]
    public void What_is_held_for_a_peer_behind_a_cut_gets_there_before_the_node_ends(int cutForMs, bool dialsLeaver)
    {
        var world = new VirtualWorld(cutForMs);
        var a = new TestNode(world, 1);
        using var b = new TestNode(world, 2);
        RecordingTarget atB = Link(world, a, b);
        if (dialsLeaver)
        {
            b.Knows(a);
        }

        world.Network.Cut(a.Address, b.Address);
        world.RunFor(cutForMs); // noticed by now, or not yet
        Publish(a);
        bool left = false;
        a.Mesh.Leave(TimeSpan.FromSeconds(10), () => left = true);
        world.RunFor(6_000);
        Assert.False(left);
        world.Network.Heal(a.Address, b.Address);
        world.RunUntil(() => left, "it has left", 2_000);
        world.RunFor(50);
        CheckAllArrived(a, b, atB);
    }

    [Fact]
    public void What_a_paused_peer_had_not_read_gets_there_before_the_node_ends()
    {
        var world = new VirtualWorld();
        var a = new TestNode(world, 1);
        using var b = new TestNode(world, 2);
        RecordingTarget atB = Link(world, a, b);
        b.Loop.IsPaused = b.Endpoint.IsPaused = true;
        Publish(a);
        bool left = false;
        a.Mesh.Leave(TimeSpan.FromSeconds(10), () => left = true);
        world.RunFor(5_000);
        Assert.False(left);
        b.Loop.IsPaused = b.Endpoint.IsPaused = false;
        world.RunUntil(() => left, "it has left", 3_000);
        world.RunFor(50);
        CheckAllArrived(a, b, atB);
    }

    [Fact]
    public void A_peer_is_dialed_although_discovery_has_lost_it()
    {
        var world = new VirtualWorld();
        var a = new TestNode(world, 1);
        using var b = new TestNode(world, 2);
        RecordingTarget atB = Link(world, a, b);
        world.Network.Cut(a.Address, b.Address);
        world.RunUntil(() => a.Up.Count == 0 && b.Up.Count == 0, "the cut is noticed", 4_000);
        Publish(a);
        a.Mesh.PeerLost(b.PeerAddress);
        bool left = false;
        a.Mesh.Leave(TimeSpan.FromSeconds(10), () => left = true);
        world.Network.Heal(a.Address, b.Address);
        world.RunUntil(() => left, "it has left", 2_000);
        world.RunFor(50);
        CheckAllArrived(a, b, atB);
    }

    [Fact]
    public void Two_that_leave_at_once_behind_a_cut_give_each_other_what_they_hold()
    {
        var world = new VirtualWorld();
        var a = new TestNode(world, 1);
        var b = new TestNode(world, 2);
        RecordingTarget atB = Link(world, a, b);
        RecordingTarget atA = a.Subscribe("#");
        world.RunFor(500);
        world.Network.Cut(a.Address, b.Address);
        world.RunUntil(() => a.Up.Count == 0 && b.Up.Count == 0, "the cut is noticed", 4_000);
        Publish(a);
        b.Publish("t/back", "x", publisher: 90);
        int left = 0;
        a.Mesh.Leave(TimeSpan.FromSeconds(10), () => left++);
        b.Mesh.Leave(TimeSpan.FromSeconds(10), () => left++);
        world.RunFor(1_000);
        Assert.Equal(0, left);
        world.Network.Heal(a.Address, b.Address);
        world.RunUntil(() => left == 2, "both have left", 2_000);
        Assert.Equal(Events, atB.Events.Count(static e => e.Publisher != 90));
        Assert.Contains(atA.Events, static e => e.Publisher == 90);
    }

    [Fact]
    public void What_is_left_at_the_deadline_is_counted_told_to_its_publishers_and_logged()
    {
        var world = new VirtualWorld();
        var a = new TestNode(world, 1);
        using var b = new TestNode(world, 2);
        Link(world, a, b);
        var told = new RecordingLosses();
        a.Router.LossListener = told;
        world.Network.Cut(a.Address, b.Address);
        world.RunUntil(() => a.Up.Count == 0, "the cut is noticed", 4_000);
        Publish(a);
        bool left = false;
        MeshCounters? atTheEnd = null;
        a.Mesh.Leave(TimeSpan.FromSeconds(2), () =>
        {
            left = true;
            atTheEnd = a.Snapshot.Counters;
        });
        world.RunFor(1_950);
        Assert.False(left);
        Assert.NotEqual(0, a.Snapshot.Links.Single(static l => l.NodeName == "node-2").QueuedBytes);
        world.RunFor(100);
        Assert.True(left);
        Assert.Equal(Events, atTheEnd!.DroppedLinkDown);
        Assert.Equal(Events, told.Lost[Protocol.DropReason.LinkDown]);
        Assert.Contains($"gave up {Events} for node-2", a.Log.Lines);
        Assert.Equal(0, a.Pool.RentedBytes);
    }

    [Fact]
    public void A_peer_that_was_started_anew_is_waited_for_no_longer()
    {
        var world = new VirtualWorld();
        var a = new TestNode(world, 1);
        using var b = new TestNode(world, 2);
        Link(world, a, b);
        world.Network.Cut(a.Address, b.Address);
        world.RunUntil(() => a.Up.Count == 0, "the cut is noticed", 4_000);
        Publish(a);
        b.Kill();
        bool left = false;
        a.Mesh.Leave(TimeSpan.FromSeconds(30), () => left = true);
        world.RunFor(1_000);
        Assert.False(left);
        using var again = new TestNode(world, 2);
        world.Network.Heal(a.Address, b.Address);
        world.RunUntil(() => left, "it has left", 3_000);
        Assert.Contains($"gave up {Events} for node-2", a.Log.Lines);
    }

    [Fact]
    public void Nobody_else_is_dialed_or_taken_in_meanwhile()
    {
        var world = new VirtualWorld();
        var a = new TestNode(world, 1);
        using var b = new TestNode(world, 2);
        using var c = new TestNode(world, 3);
        Link(world, a, b);
        world.Network.Cut(a.Address, c.Address);
        a.Knows(c);
        world.Network.Cut(a.Address, b.Address);
        world.RunUntil(() => a.Up.Count == 0, "the cut is noticed", 4_000);
        Publish(a);
        a.Mesh.Leave(TimeSpan.FromSeconds(10), static () => { });
        world.RunFor(500);
        long tried = DialsTo(a, c);
        world.Network.Heal(a.Address, c.Address);
        c.Knows(a);
        world.RunFor(3_000);
        Assert.Equal(tried, DialsTo(a, c));
        Assert.Empty(c.Up);
        Assert.Empty(a.Up);
        a.Dispose();
    }

    private static long DialsTo(TestNode from, TestNode to) =>
        from.Snapshot.Addresses.Single(a => a.Address == to.PeerAddress.ToString()).Tries;

    private static RecordingTarget Link(VirtualWorld world, TestNode a, TestNode b)
    {
        RecordingTarget wants = b.Subscribe("t/#");
        a.Knows(b);
        world.RunUntil(() => a.Router.GetStatistics().PeerInterests == 1, "interest is known");
        world.RunFor(1_500);
        return wants;
    }

    private static void Publish(TestNode node)
    {
        for (int i = 0; i < Events; i++)
        {
            node.Publish($"t/{i % 3}", $"{i}", publisher: 1 + (ulong)(i % 4));
        }
    }

    private static void CheckAllArrived(TestNode a, TestNode b, RecordingTarget atB)
    {
        Assert.Equal(Events, atB.Events.Count);
        foreach (var publisher in atB.Events.GroupBy(static e => e.Publisher))
        {
            Assert.Equal(publisher.Select(static e => e.Number).Order(), publisher.Select(static e => e.Number));
        }

        Assert.Contains("left node-1", b.Log.Lines);
        Assert.DoesNotContain(a.Log.Lines, static l => l.StartsWith("gave up", StringComparison.Ordinal));
        Assert.Equal(0, b.Router.GetStatistics().Links);
        Assert.DoesNotContain(b.Snapshot.Links, static l => l.NodeName.Length > 0);
        Assert.Equal(0, a.Pool.RentedBytes);
    }

    private sealed class RecordingLosses : ILossListener
    {
        public Dictionary<Protocol.DropReason, long> Lost { get; } = [];

        public void OnLost(ulong publisher, ulong number, int count, Protocol.DropReason reason) =>
            Lost[reason] = Lost.GetValueOrDefault(reason) + count;
    }
}
