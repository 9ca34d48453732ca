using NexusD.Protocol;
using NexusD.Routing;

namespace NexusD.Peering.Tests;

/// <summary>Times to live across a link, and what each priority class may use of a link's queue.</summary>
public sealed class ExpiryAndPriorityTests
{
    [Fact]
    public void An_event_that_expires_on_the_way_is_told_to_who_would_have_got_it()
    {
        var world = new VirtualWorld();
        using var a = new TestNode(world, 1);
        using var b = new TestNode(world, 2);
        RecordingTarget wants = b.Subscribe("t");
        RecordingTarget other = b.Subscribe("u");
        Link(world, a, b);
        FakeConnection toB = b.Endpoint.Own.Single(c => !c.IsOver);
        toB.HoldsInput = true;
        a.Publish("t", "short", properties: TimeToLive(100));
        a.Publish("t", "long", properties: TimeToLive(60_000));
        world.RunFor(300);
        toB.HoldsInput = false;
        world.RunFor(300);

        Assert.Equal(["long"], wants.Events.Select(e => e.Payload));
        Assert.Equal(new GapNotice(7, 1, 1, 1, DropReason.Expired, "node-2"), Assert.Single(wants.Gaps));
        Assert.Empty(other.Gaps);
    }

    [Fact]
    public void An_event_in_time_is_delivered()
    {
        var world = new VirtualWorld();
        using var a = new TestNode(world, 1);
        using var b = new TestNode(world, 2);
        RecordingTarget wants = b.Subscribe("t");
        Link(world, a, b);
        a.Publish("t", "short", properties: TimeToLive(100));
        world.RunFor(300);

        Assert.Equal(["short"], wants.Events.Select(e => e.Payload));
        Assert.Empty(wants.Gaps);
    }

    [Fact]
    public void High_priority_still_has_room_when_low_and_normal_have_none()
    {
        const int limit = 1 << 20;
        var world = new VirtualWorld();
        using var a = new TestNode(world, 1, o => new MeshOptions
        {
            Bind = o.Bind, NodeName = o.NodeName, Cluster = o.Cluster, Log = o.Log, LinkQueueBytes = limit,
        });
        using var b = new TestNode(world, 2);
        b.Subscribe("t");
        Link(world, a, b);
        a.Endpoint.Own.Single(c => !c.IsOver).HoldsInput = true;
        Fill(Priority.Low, limit / 2);
        Fill(Priority.Normal, limit);
        long before = a.Up[0].DroppedLinkFull;
        for (int i = 0; i < 50; i++)
        {
            a.Publish("t", new string('x', 1_000), priority: Priority.High);
            world.Settle();
        }

        Assert.Equal(before, a.Up[0].DroppedLinkFull);
        Fill(Priority.High, limit + (limit / 8));

        void Fill(Priority priority, int bytes)
        {
            for (int i = 0; i < 1_500; i++)
            {
                a.Publish("t", new string('x', 1_000), priority: priority);
                world.Settle();
            }

            Assert.InRange(a.Up[0].QueuedBytes, bytes - 20_000, bytes + 20_000);
        }
    }

    private static void Link(VirtualWorld world, TestNode a, TestNode b)
    {
        a.Knows(b);
        int wanted = b.Router.GetStatistics().LocalFilters;
        world.RunUntil(() => a.Router.GetStatistics().PeerInterests == wanted, "interest is known");
    }

    private static byte[] TimeToLive(uint milliseconds)
    {
        var bytes = new byte[PropertyWriter.Size(sizeof(uint))];
        new PropertyWriter(bytes).Write(PropertyId.TimeToLive, milliseconds);
        return bytes;
    }
}
