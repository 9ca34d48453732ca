using NexusD.Peering.Tests.Simulation;
using NexusD.Protocol;
using NexusD.Protocol.Frames;
using NexusD.Protocol.Greetings;

namespace NexusD.Peering.Tests;

/// <summary>Who gets in: cluster, self, version, time-outs, restarts, and which of two links is kept.</summary>
public sealed class HandshakeTests
{
    [Fact]
    public void Wrong_cluster_is_refused_before_anything_is_told()
    {
        var world = new VirtualWorld();
        using var node = new TestNode(world, 1);
        node.Subscribe("secret/#");
        node.Publish("secret/kept", "x", retain: true);
        using var raw = new RawPeer(world, node);
        raw.OpenControl();
        raw.SendHello("other");
        world.RunFor(50);
        Assert.Equal(ErrorCode.WrongCluster, raw.ClosedWith);
        byte[] only = Assert.Single(raw.Frames(raw.Control));
        Assert.Equal(PeerFrameKind.Error, only[4]);
        Assert.Equal(ErrorCode.None, ErrorFrame.TryRead(only, out ErrorFrame error));
        Assert.Equal(ErrorCode.WrongCluster, error.Code);
        Assert.Empty(raw.Lanes);
        Assert.Equal(1, node.Snapshot.Counters.ClusterMismatches);
        Assert.Contains(node.Log.Lines, l => l.StartsWith("refused wrong_cluster", StringComparison.Ordinal));
    }

    [Fact]
    public void Nodes_of_two_clusters_do_not_link_and_do_not_hammer_each_other()
    {
        var world = new VirtualWorld();
        using var a = new TestNode(world, 1);
        using var b = new TestNode(world, 2, o => Copy(o, "other"));
        a.Knows(b);
        b.Knows(a);
        world.RunFor(60_000);
        Assert.Empty(a.Up);
        Assert.Empty(b.Up);
        Assert.True(a.Snapshot.Counters.ClusterMismatches + b.Snapshot.Counters.ClusterMismatches > 0);
        Assert.InRange(a.Snapshot.Counters.Dials, 3, 40);
        AddressSnapshot address = Assert.Single(a.Snapshot.Addresses);
        Assert.Contains("wrong_cluster", address.LastFailure, StringComparison.Ordinal);
        Assert.True(address.Failures > 0);
    }

    [Fact]
    public void The_own_address_is_met_once_and_never_dialed_again()
    {
        var world = new VirtualWorld();
        using var a = new TestNode(world, 1);
        a.Knows(a);
        world.RunUntil(() => a.Snapshot.Addresses[0].State == "self", "the address is known as our own");
        long dials = a.Snapshot.Counters.Dials;
        a.Knows(a);
        world.RunFor(120_000);
        Assert.Equal(dials, a.Snapshot.Counters.Dials);
        Assert.InRange(dials, 1, 2);
        Assert.Empty(a.Snapshot.Links);
    }

    [Fact]
    public void An_unknown_version_is_refused_and_named()
    {
        var world = new VirtualWorld();
        using var node = new TestNode(world, 1);
        using var raw = new RawPeer(world, node);
        raw.OpenControl(greet: false);
        byte[] preamble = RawPeer.Preamble(StreamPreamble.Control);
        preamble[4] = 2;
        raw.Send(raw.Control, preamble);
        world.RunFor(20);
        Assert.Equal(ErrorCode.UnsupportedVersion, raw.ClosedWith);
        Assert.Contains("version 2", raw.Closed!.Value.Reason, StringComparison.Ordinal);
        Assert.Equal(1, node.Snapshot.Counters.RefusedHere(ErrorCode.UnsupportedVersion));
    }

    [Fact]
    public void A_peer_that_says_nothing_is_dropped_after_five_seconds()
    {
        var world = new VirtualWorld();
        using var node = new TestNode(world, 1);
        using var raw = new RawPeer(world, node);
        world.RunFor(4_900);
        Assert.Null(raw.Closed);
        world.RunFor(200);
        Assert.Equal(ErrorCode.Idle, raw.ClosedWith);
    }

    [Fact]
    public void A_dialed_peer_that_says_nothing_is_tried_again()
    {
        var world = new VirtualWorld();
        using var node = new TestNode(world, 1);
        using var raw = new RawPeer(world);
        node.Mesh.PeerFound(new PeerAddress("10.0.0.99", 5671, "static"));
        world.RunUntil(() => raw.Closed is not null, "the node gave up");
        Assert.Equal(ErrorCode.Idle, raw.ClosedWith);
        Assert.Contains("no HELLO", node.Snapshot.Addresses[0].LastFailure, StringComparison.Ordinal);
        world.RunUntil(() => node.Snapshot.Counters.Dials > 1, "it is tried again");
    }

    [Fact]
    public void Frames_before_hello_are_out_of_order()
    {
        var world = new VirtualWorld();
        using var node = new TestNode(world, 1);
        using var raw = new RawPeer(world, node);
        raw.OpenControl();
        raw.Send(raw.Control, RawPeer.Empty(PeerFrameKind.RetainedRequest));
        world.RunFor(20);
        Assert.Equal(ErrorCode.OutOfOrder, raw.ClosedWith);
    }

    [Fact]
    public void A_dialer_that_sends_events_before_hello_is_refused()
    {
        var world = new VirtualWorld();
        using var node = new TestNode(world, 1);
        RecordingTarget wants = node.Subscribe("#");
        using var raw = new RawPeer(world, node);
        long lane = raw.OpenLane();
        world.RunFor(20);
        Assert.Null(raw.Closed);
        raw.Send(lane, [.. RawPeer.Topic(1, "t"), .. raw.Forward(1, 5, 1, "early")]);
        world.RunFor(20);
        Assert.Equal(ErrorCode.OutOfOrder, raw.ClosedWith);
        Assert.Empty(wants.Events);
    }

    [Fact]
    public void A_lane_that_overtakes_the_hello_waits_for_it()
    {
        var world = new VirtualWorld();
        using var node = new TestNode(world, 1);
        RecordingTarget wants = node.Subscribe("#");
        using var raw = new RawPeer(world);
        node.Mesh.PeerFound(new PeerAddress("10.0.0.99", 5671, "static"));
        world.RunUntil(() => raw.Control >= 0, "the node has dialed and said hello");
        long lane = raw.OpenLane();
        raw.Send(lane, [.. RawPeer.Topic(1, "t"), .. raw.Forward(1, 5, 1, "early")]);
        world.RunFor(20);
        Assert.Empty(wants.Events);
        raw.Send(raw.Control, [.. RawPeer.Preamble(StreamPreamble.Control), .. raw.Hello()]);
        world.RunFor(20);
        Assert.Equal(["early"], wants.Payloads);
        Assert.All(world.Network.Connections, c => Assert.Equal(0, c.UnconsumedBytes));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    public void Simultaneous_dials_leave_the_same_one_link_on_both_sides(int seed)
    {
        var world = new VirtualWorld(seed);
        world.Network.JitterNs = 3_000_000;
        using var a = new TestNode(world, 1);
        using var b = new TestNode(world, 2);
        a.Subscribe("from-b/#");
        b.Subscribe("from-a/#");
        a.Knows(b);
        b.Knows(a);
        world.RunFor(3_000);
        LinkSnapshot atA = Assert.Single(a.Snapshot.Links);
        LinkSnapshot atB = Assert.Single(b.Snapshot.Links);
        Assert.Equal(LinkState.Up, atA.State);
        Assert.Equal(LinkState.Up, atB.State);
        Assert.NotEqual(atA.Dialed, atB.Dialed);
        TestNode smaller = a.Options.NodeId < b.Options.NodeId ? a : b;
        if (a.Snapshot.Counters.LinksReplaced + b.Snapshot.Counters.LinksReplaced > 0)
        {
            Assert.True(smaller.Up[0].Dialed);
        }

        Assert.Equal(1, a.Publish("from-a/x", "1").Peers);
        Assert.Equal(1, b.Publish("from-b/x", "1").Peers);
        long dials = a.Snapshot.Counters.Dials + b.Snapshot.Counters.Dials;
        world.RunFor(60_000);
        Assert.Equal(dials, a.Snapshot.Counters.Dials + b.Snapshot.Counters.Dials);
    }

    [Fact]
    public void A_second_link_takes_over_without_loss_or_disorder()
    {
        for (int seed = 1; seed <= 300; seed++)
        {
            TakeOver(seed);
        }
    }

    [Fact]
    public void A_restarted_node_replaces_its_dead_link_at_once()
    {
        var world = new VirtualWorld();
        using var a = new TestNode(world, 1);
        var b = new TestNode(world, 2);
        a.Knows(b);
        world.RunUntil(() => a.Up.Count == 1, "linked");
        b.Kill();
        world.RunFor(300);
        using var again = new TestNode(world, 2);
        again.Knows(a);
        string id = again.Options.NodeId.ToString();
        world.RunUntil(
            () => again.Up.Count == 1 && a.Up.Count == 1 && a.Up[0].NodeId == id, "the new run is linked", 1_000);
        world.RunFor(100);
        Assert.Single(a.Snapshot.Links);
        Assert.Contains(a.Log.Lines, l => l.Contains("restarted", StringComparison.Ordinal));
    }

    private static void TakeOver(int seed)
    {
        var world = new VirtualWorld(seed);
        world.Network.JitterNs = 20_000_000;
        using var a = new TestNode(world, 1);
        using var b = new TestNode(world, 2);
        RecordingTarget wants = b.Subscribe("t/#");
        TestNode larger = a.Options.NodeId < b.Options.NodeId ? b : a;
        TestNode smaller = larger == a ? b : a;
        TestNode first = seed % 3 == 0 ? smaller : larger;
        TestNode second = seed % 3 == 2 ? larger : smaller;
        TestNode to = second == a ? b : a;
        world.Network.AddAlias("10.0.1.1", to.Endpoint);
        first.Knows(first == a ? b : a);
        world.RunUntil(() => a.Up.Count == 1 && b.Up.Count == 1, "the first link is up");
        world.RunUntil(() => a.Publish("t/probe", "p", publisher: 1).Peers == 1, "interest is known");
        for (int i = 0; i < 500; i++)
        {
            if (i == 50)
            {
                Assert.True(second.Mesh.PeerFound(new PeerAddress("10.0.1.1", 5671, "static")));
            }

            Assert.Equal(1, a.Publish($"t/{i % 7}", $"{i}", publisher: 10 + (ulong)(i % 5)).Peers);
            world.RunFor(1);
        }

        world.RunFor(3_000);
        Assert.True(wants.Events.Count(e => e.Publisher >= 10) == 500, $"seed {seed} lost events");
        Assert.Equal((1, 1), (a.Snapshot.Counters.LinksReplaced, b.Snapshot.Counters.LinksReplaced));
        Assert.Single(a.Snapshot.Links);
        Assert.True(second.Up[0].Dialed);
        Assert.All(
            wants.Events.Where(e => e.Publisher >= 10).GroupBy(e => e.Publisher),
            g => Assert.Equal(Enumerable.Range(1, g.Count()).Select(n => (ulong)n), g.Select(e => e.Number)));
    }

    private static MeshOptions Copy(MeshOptions o, string cluster) => new()
    {
        Bind = o.Bind,
        NodeName = o.NodeName,
        Cluster = cluster,
        JitterSeed = o.JitterSeed,
        Log = o.Log,
    };
}
