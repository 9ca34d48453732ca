using NexusD.Peering.Tests.Simulation;
using NexusD.Protocol;
using NexusD.Protocol.Peer;

namespace NexusD.Peering.Tests;

/// <summary>Liveness, cuts and healing, clocks, leaving.</summary>
public sealed class LifeTests
{
    [Fact]
    public void A_silent_peer_is_suspect_then_down_then_linked_again()
    {
        var world = new VirtualWorld();
        using var a = new TestNode(world, 1);
        using var b = new TestNode(world, 2);
        a.Knows(b);
        b.Knows(a);
        world.RunUntil(() => a.Up.Count == 1 && b.Up.Count == 1, "linked");
        world.RunFor(5_000);
        Assert.Equal(LinkState.Up, a.Up[0].State);
        world.Network.Cut(a.Address, b.Address);
        world.RunFor(400);
        Assert.Equal(LinkState.Up, a.Up[0].State);
        world.RunUntil(() => a.Up[0].State == LinkState.Suspect, "the peer is suspect", 1_200);
        Assert.Contains("suspect node-2", a.Log.Lines);
        world.RunUntil(() => a.Up.Count == 0 && b.Up.Count == 0, "the link is down", 2_000);
        Assert.Contains(a.Log.Lines, l => l.StartsWith("down node-2", StringComparison.Ordinal));
        world.RunFor(30_000);
        world.Network.Heal(a.Address, b.Address);
        world.RunUntil(() => a.Up.Count == 1 && b.Up.Count == 1, "linked again", 1_500);
    }

    [Fact]
    public void A_short_pause_recovers_without_a_new_link()
    {
        var world = new VirtualWorld();
        using var a = new TestNode(world, 1);
        using var b = new TestNode(world, 2);
        RecordingTarget wants = b.Subscribe("#");
        a.Knows(b);
        world.RunUntil(() => a.Router.GetStatistics().PeerInterests == 1, "interest is known");
        world.RunFor(1_000);
        world.Network.Cut(a.Address, b.Address);
        a.Publish("t", "during the pause");
        world.RunFor(1_900);
        Assert.Equal(LinkState.Suspect, a.Up[0].State);
        world.Network.Heal(a.Address, b.Address);
        world.RunFor(300);
        Assert.Equal(LinkState.Up, a.Up[0].State);
        Assert.Equal(["during the pause"], wants.Payloads);
        Assert.Equal(0, a.Snapshot.Counters.LinksDown);
    }

    [Fact]
    public void What_comes_again_after_a_new_link_is_not_delivered_twice()
    {
        var world = new VirtualWorld();
        using var node = new TestNode(world, 1);
        RecordingTarget wants = node.Subscribe("#");
        var id = MeshOptions.NewNodeId();
        for (int link = 0; link < 2; link++)
        {
            using var raw = new RawPeer(world, node, 50 + link) { NodeId = id };
            raw.Handshake();
            long lane = raw.OpenLane();
            raw.Send(lane, [.. RawPeer.Topic(1, "t"), .. raw.Forward(1, 5, 1, "1", "2", "3")]);
            if (link == 1)
            {
                raw.Send(lane, raw.Forward(1, 5, 3, "3", "4"));
                world.RunFor(1_100); // the former link is given up by now
            }

            world.RunFor(10);
        }

        Assert.Equal(["1", "2", "3", "4"], wants.Payloads);
        Assert.Equal(4, node.Router.GetStatistics().DuplicateEvents);
    }

    [Fact]
    public void Clocks_are_followed_unless_they_are_far_ahead()
    {
        var world = new VirtualWorld();
        using var a = new TestNode(world, 1);
        using var ahead = new TestNode(world, 2);
        using var wrong = new TestNode(world, 3);
        ahead.Loop.ClockSkewMs = 20_000;
        wrong.Loop.ClockSkewMs = 120_000;
        a.Knows(ahead, wrong);
        world.RunUntil(() => a.Up.Count == 2, "linked");
        world.RunFor(2_500);
        long skew = Routing.HybridClock.UnixMs(a.Clock.Last) - a.Loop.UnixMs;
        Assert.InRange(skew, 18_000, 20_000);
        Assert.True(a.Snapshot.Counters.ClocksRefused > 0);
    }

    [Fact]
    public void Leaving_sends_everything_that_is_queued_first()
    {
        var world = new VirtualWorld();
        var a = new TestNode(world, 1);
        using var b = new TestNode(world, 2);
        RecordingTarget wants = b.Subscribe("#");
        a.Knows(b);
        b.Knows(a);
        world.RunUntil(() => a.Router.GetStatistics().PeerInterests == 1 && b.Up.Count == 1, "interest is known");
        world.RunFor(1_000);
        FakeConnection connection = a.Endpoint.Own.Single(c => !c.IsOver);
        connection.HoldsAcks = true;
        for (int i = 0; i < 1_000; i++)
        {
            a.Publish("t", $"{i}", publisher: 1 + (ulong)(i % 9));
        }

        bool left = false;
        a.Mesh.Leave(TimeSpan.FromSeconds(5), () => left = true);
        world.RunFor(500);
        Assert.False(left);
        connection.HoldsAcks = false;
        world.RunUntil(() => left, "it has left", 1_000);
        Assert.Equal(1_000, wants.Events.Count);
        world.RunFor(50);
        Assert.Empty(b.Up);
        Assert.Equal(0UL, connection.Closed!.Value.ErrorCode);
        Assert.Equal(0, a.Pool.RentedBytes);
    }

    [Fact]
    public void Leaving_does_not_wait_longer_than_its_deadline()
    {
        var world = new VirtualWorld();
        var a = new TestNode(world, 1);
        using var b = new TestNode(world, 2);
        b.Subscribe("#");
        a.Knows(b);
        world.RunUntil(() => a.Router.GetStatistics().PeerInterests == 1, "interest is known");
        a.Endpoint.Own.Single(c => !c.IsOver).HoldsAcks = true;
        a.Publish("t", "x");
        bool left = false;
        a.Mesh.Leave(TimeSpan.FromSeconds(1), () => left = true);
        world.RunFor(950);
        Assert.False(left);
        world.RunFor(100);
        Assert.True(left);
        Assert.Equal(0, a.Pool.RentedBytes);
    }

    [Fact]
    public void A_leaving_peer_gets_no_more_events_and_new_peers_are_refused()
    {
        var world = new VirtualWorld();
        using var node = new TestNode(world, 1);
        using var raw = new RawPeer(world, node);
        raw.Handshake();
        raw.Send(raw.Control, RawPeer.Interest(1, true, (InterestChange.Add, "#")));
        Assert.Equal(1, node.Publish("t", "x").Peers);
        var goodbye = new Protocol.Frames.GoAwayFrame { Code = ErrorCode.ShuttingDown, Closes = true };
        byte[] bytes = new byte[goodbye.FrameBytes];
        goodbye.Write(bytes);
        raw.Send(raw.Control, bytes);
        Assert.Equal(0, node.Publish("t", "x").Peers);
        raw.Send(raw.Control, RawPeer.Interest(2, false, (InterestChange.Add, "late")));
        Assert.Equal(0, node.Publish("late", "x").Peers);
        node.Mesh.Leave(TimeSpan.FromSeconds(1), () => { });
        using var late = new RawPeer(world, node, 98);
        Assert.NotNull(late.Closed);
    }

    [Fact]
    public void What_a_peer_asks_for_while_this_node_leaves_is_not_taken_in()
    {
        var world = new VirtualWorld();
        var a = new TestNode(world, 1);
        using var b = new TestNode(world, 2);
        RecordingTarget wants = b.Subscribe("t");
        a.Knows(b);
        world.RunUntil(() => a.Router.GetStatistics().PeerInterests == 1, "interest is known");
        world.RunFor(500);
        FakeConnection connection = a.Endpoint.Own.Single(c => !c.IsOver);
        connection.HoldsAcks = true; // so that the leave takes its time
        a.Publish("t", "x");
        bool left = false;
        a.Mesh.Leave(TimeSpan.FromSeconds(5), () => left = true);
        b.Subscribe("late/#");
        world.RunFor(200);
        Assert.False(left);
        Assert.Equal(0, a.Router.GetStatistics().PeerInterests);
        Assert.Equal(0, a.Publish("late/x", "x").Peers);
        connection.HoldsAcks = false;
        world.RunUntil(() => left, "it has left", 1_000);
        Assert.Equal(["x"], wants.Payloads);
        Assert.Equal(0, a.Pool.RentedBytes);
    }

    [Fact]
    public void An_empty_mesh_leaves_at_once()
    {
        var world = new VirtualWorld();
        var a = new TestNode(world, 1);
        bool left = false;
        a.Mesh.Leave(TimeSpan.FromSeconds(5), () => left = true);
        world.RunFor(1);
        Assert.True(left);
    }
}
