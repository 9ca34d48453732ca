using NexusD.Protocol;

namespace NexusD.Peering.Tests;

/// <summary>Two and three nodes in virtual time: links, forwarding, the one-hop rule, order.</summary>
public sealed class LinkTests
{
    [Fact]
    public void Two_nodes_link_and_forward_what_is_wanted()
    {
        var world = new VirtualWorld();
        using var a = new TestNode(world, 1);
        using var b = new TestNode(world, 2);
        RecordingTarget wants = b.Subscribe("a/*");
        a.Knows(b);
        world.RunUntil(() => a.Up.Count == 1 && b.Up.Count == 1, "both are linked", 1_500);
        world.RunFor(50);
        Assert.Equal(1, a.Publish("a/b", "one").Peers);
        Assert.Equal(0, a.Publish("x/y", "not wanted").Peers);
        a.PublishMany("a/c", ["two", "three"]);
        world.RunFor(50);
        Assert.Equal(["one", "two", "three"], wants.Payloads);
        Assert.Equal([1UL, 3UL, 4UL], wants.Events.Select(e => e.Number));
        LinkSnapshot link = Assert.Single(b.Up);
        Assert.Equal("node-1", link.NodeName);
        Assert.Equal(3, link.EventsIn);
        Assert.False(link.Dialed);
        Assert.Equal("10.0.0.1:5671", link.MeshAddress);
        Assert.Equal(3, Assert.Single(a.Up).EventsOut);
        Assert.True(link.RttMicroseconds > 0);
    }

    [Fact]
    public void A_forwarded_event_is_never_forwarded_again()
    {
        var world = new VirtualWorld();
        using var a = new TestNode(world, 1);
        using var b = new TestNode(world, 2);
        using var c = new TestNode(world, 3);
        RecordingTarget atB = b.Subscribe("#");
        RecordingTarget atC = c.Subscribe("#");
        b.Knows(a, c); // a and c are not linked
        world.RunUntil(() => b.Up.Count == 2, "b is linked to both");
        world.RunFor(50);
        a.Publish("t", "from a");
        a.Publish("t", "kept", retain: true);
        world.RunFor(50);
        Assert.Equal(["from a", "kept"], atB.Payloads);
        Assert.DoesNotContain("from a", atC.Payloads);
    }

    [Fact]
    public void Properties_priority_and_retain_travel_along()
    {
        var world = new VirtualWorld();
        using var a = new TestNode(world, 1);
        using var b = new TestNode(world, 2);
        RecordingTarget wants = b.Subscribe("#");
        a.Knows(b);
        world.RunUntil(() => a.Up.Count == 1 && b.Up.Count == 1, "both are linked");
        world.RunFor(50);
        byte[] properties = [PropertyId.Priority, 1, 0, 1, PropertyId.ContentType, 4, 0, .. "text"u8];
        a.Publish("a", "x", retain: true, priority: Priority.High, properties: properties);
        world.RunFor(50);
        (Priority priority, byte[] got, RunFlags flags) = Assert.Single(wants.Details);
        Assert.Equal(Priority.High, priority);
        Assert.Equal(properties, got);
        Assert.Equal(RunFlags.Retain, flags & RunFlags.Retain);
        Assert.Equal(1, b.Router.Retained.Count);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Order_of_each_publisher_is_kept_across_lanes_with_jitter(int seed)
    {
        var world = new VirtualWorld(seed);
        world.Network.JitterNs = 5_000_000;
        using var a = new TestNode(world, 1);
        using var b = new TestNode(world, 2);
        RecordingTarget wants = b.Subscribe("t/#");
        a.Knows(b);
        world.RunUntil(() => a.Up.Count == 1 && b.Up.Count == 1, "both are linked");
        world.RunFor(100);
        for (int i = 0; i < 2_000; i++)
        {
            ulong publisher = 1 + (ulong)world.Random.Next(20);
            a.Publish($"t/{world.Random.Next(50)}", new string('x', world.Random.Next(3_000)), publisher);
            if (world.Random.Next(10) == 0)
            {
                world.RunFor(0.5);
            }
        }

        world.RunFor(1_000);
        Assert.Equal(2_000, wants.Events.Count);
        Assert.All(
            wants.Events.GroupBy(e => e.Publisher),
            g => Assert.Equal(Enumerable.Range(1, g.Count()).Select(n => (ulong)n), g.Select(e => e.Number)));
        Assert.All(world.Network.Connections, c => Assert.Equal(0, c.UnconsumedBytes));
    }

    [Fact]
    public void A_large_payload_arrives_whole()
    {
        var world = new VirtualWorld();
        using var a = new TestNode(world, 1);
        using var b = new TestNode(world, 2);
        RecordingTarget wants = b.Subscribe("#");
        a.Knows(b);
        world.RunUntil(() => a.Up.Count == 1 && b.Up.Count == 1, "both are linked");
        world.RunFor(50);
        world.Network.PieceBytes = 60_000;
        string[] large = [.. Enumerable.Range(1, 5).Select(i => new string((char)('a' + i), i * 700_000))];
        foreach (string payload in large)
        {
            Assert.Equal(1, a.Publish("big", payload).Peers);
        }

        world.RunFor(500);
        Assert.Equal(large, wants.Payloads);
    }
}
