using NexusD.Peering.Tests.Simulation;
using NexusD.Protocol;
using NexusD.Protocol.Frames;
using NexusD.Protocol.Peer;
using NexusD.Routing;

namespace NexusD.Peering.Tests;

/// <summary>What a link sends: lanes, aliases, and what happens when its queue is full.</summary>
public sealed class QueueTests
{
    [Fact]
    public void A_full_queue_drops_counts_and_tells_exactly()
    {
        var world = new VirtualWorld();
        using var a = new TestNode(world, 1, WithQueue(1 << 20));
        using var b = new TestNode(world, 2);
        RecordingTarget wants = b.Subscribe("t/#");
        a.Knows(b);
        world.RunUntil(() => a.Router.GetStatistics().PeerInterests == 1, "interest is known");
        for (ulong publisher = 1; publisher <= 3; publisher++)
        {
            a.Publish("t/first", "first", publisher);
        }

        world.RunFor(20);
        FakeConnection connection = a.Endpoint.Own.Single(c => !c.IsOver);
        connection.HoldsInput = true;
        long held = a.Pool.RentedBytes;
        for (int i = 0; i < 5_000; i++)
        {
            a.Publish($"t/{i % 11}", new string('x', 1_000), 1 + (ulong)(i % 3));
            world.Settle();
        }

        Assert.InRange(a.Up[0].QueuedBytes, 1 << 20, (1 << 20) + 20_000);
        Assert.InRange(a.Pool.RentedBytes - held, 1 << 20, 2_200_000);
        long dropped = a.Up[0].DroppedLinkFull;
        Assert.InRange(dropped, 3_000, 4_500);
        connection.HoldsInput = false;
        world.RunFor(1_000);
        for (ulong publisher = 1; publisher <= 3; publisher++)
        {
            a.Publish("t/last", "last", publisher);
        }

        world.RunFor(1_000);
        Assert.Equal(5_006, wants.Events.Count + wants.Gaps.Sum(g => (long)g.Count));
        Assert.Equal(dropped, wants.Gaps.Sum(g => (long)g.Count));
        Assert.All(wants.Gaps, g => Assert.Equal((DropReason.LinkFull, "node-1"), (g.Reason, g.Where)));
        foreach (IGrouping<ulong, (string Topic, ulong Publisher, ulong Number, string Payload)> group in
                 wants.Events.GroupBy(e => e.Publisher))
        {
            CheckNumbers([.. group.Select(e => e.Number)], [.. wants.Gaps.Where(g => g.Publisher == group.Key)]);
        }
    }

    [Fact]
    public void A_gap_comes_before_the_next_event_of_that_publisher()
    {
        var world = new VirtualWorld();
        using var node = new TestNode(world, 1, WithQueue(1 << 20));
        using var raw = new RawPeer(world, node);
        raw.Handshake();
        raw.Send(raw.Control, RawPeer.Interest(1, true, (InterestChange.Add, "#")));
        while (node.Up[0].DroppedLinkFull < 5)
        {
            node.Publish("t", new string('x', 20_000), publisher: 9);
            world.Settle();
        }

        world.RunFor(20);
        raw.AcknowledgeLanes();
        world.RunFor(200);
        node.Publish("t", "after", publisher: 9);
        world.RunFor(20);
        List<byte[]> frames = raw.Frames(raw.Lanes.Single());
        int gapAt = frames.FindIndex(f => f[4] == PeerFrameKind.Gap);
        Assert.Equal(frames.Count - 2, gapAt);
        Assert.Equal(ErrorCode.None, GapFrame.TryRead(frames[gapAt], out GapFrame gap));
        Assert.Equal((9UL, 5UL, DropReason.LinkFull), (gap.Publisher, gap.Count, gap.Reason));
        Assert.Equal(gap.To - gap.From + 1, gap.Count);
        Assert.Equal(ErrorCode.None, ForwardFrame.TryRead(frames[^1], out ForwardFrame last));
        Assert.Equal(gap.To + 1, last.Number);
    }

    [Fact]
    public void Losses_of_very_many_publishers_are_summed_up()
    {
        var ledger = new Links.GapLedger();
        for (ulong publisher = 1; publisher <= 3_000; publisher++)
        {
            ledger.Add(publisher, publisher, publisher, 1, DropReason.LinkFull);
            ledger.Add(publisher, publisher + 5, publisher + 6, 2, DropReason.LinkFull);
        }

        var notices = new List<GapNotice>();
        ledger.Drain("here", notices.Add);
        Assert.True(ledger.IsEmpty);
        Assert.Equal(9_000, notices.Sum(n => (long)n.Count));
        Assert.InRange(notices.Count, 1_000, 1_100);
        Assert.Contains(new GapNotice(1, 1, 7, 3, DropReason.LinkFull, "here"), notices);
        GapNotice many = Assert.Single(notices, n => n.Publisher == 0);
        Assert.Equal((0UL, 0UL), (many.From, many.To));
    }

    [Fact]
    public void Aliases_are_declared_once_a_lane_and_recycled_when_they_run_out()
    {
        var world = new VirtualWorld();
        using var node = new TestNode(world, 1);
        using var raw = new RawPeer(world, node);
        raw.OpenControl();
        raw.Send(raw.Control, raw.Hello(maxAliases: 3));
        raw.Send(raw.Control, RawPeer.Interest(1, true, (InterestChange.Add, "#")));
        for (int i = 0; i < 40; i++)
        {
            node.Publish($"t/{i % 3}", $"t/{i % 3}", publisher: 4 * (1 + (ulong)(i % 2)));
        }

        world.RunFor(20);
        Assert.Equal(3, raw.LaneFrames(PeerFrameKind.Topic).Count);
        for (int i = 0; i < 200; i++)
        {
            string topic = $"t/{world.Random.Next(7)}";
            node.Publish(topic, topic, publisher: (ulong)world.Random.Next(1, 9));
        }

        world.RunFor(50);
        CheckAliases(raw, maxAlias: 3, events: 240);
    }

    [Fact]
    public void A_peer_that_takes_no_aliases_gets_topics_as_text()
    {
        var world = new VirtualWorld();
        using var node = new TestNode(world, 1);
        using var raw = new RawPeer(world, node);
        raw.OpenControl();
        raw.Send(raw.Control, raw.Hello(maxAliases: 0));
        raw.Send(raw.Control, RawPeer.Interest(1, true, (InterestChange.Add, "#")));
        node.Publish("some/topic", "x", properties: [PropertyId.ContentType, 1, 0, (byte)'c']);
        world.RunFor(20);
        Assert.Empty(raw.LaneFrames(PeerFrameKind.Topic));
        byte[] frame = Assert.Single(raw.LaneFrames(PeerFrameKind.Forward));
        Assert.Equal(ErrorCode.None, ForwardFrame.TryRead(frame, out ForwardFrame forward));
        Assert.Equal(ErrorCode.None, EventProperties.TryRead(forward.Properties, 0, out EventProperties properties));
        Assert.Equal("some/topic"u8.ToArray(), properties.Topic.ToArray());
        Assert.Equal(3 + "some/topic".Length + 4, forward.Properties.Length);
    }

    [Fact]
    public void Priority_classes_have_lanes_of_their_own_and_lanes_open_when_used()
    {
        var world = new VirtualWorld();
        using var node = new TestNode(world, 1);
        using var raw = new RawPeer(world, node);
        raw.Handshake();
        raw.Send(raw.Control, RawPeer.Interest(1, true, (InterestChange.Add, "#")));
        Assert.Empty(raw.Lanes);
        node.Publish("t", "x", publisher: 4);
        world.RunFor(5);
        Assert.Single(raw.Lanes);
        for (ulong publisher = 1; publisher <= 20; publisher++)
        {
            node.Publish("t", "x", publisher);
            node.Publish("t", "x", publisher, priority: Priority.High, properties: [PropertyId.Priority, 1, 0, 1]);
            node.Publish("t", "x", publisher, priority: Priority.Low, properties: [PropertyId.Priority, 1, 0, 2]);
        }

        world.RunFor(20);
        Assert.Equal(6, raw.Lanes.Count());
        foreach (long lane in raw.Lanes)
        {
            byte priority = raw.PreambleOf(lane)[7];
            foreach (byte[] bytes in raw.Frames(lane).Where(f => f[4] == PeerFrameKind.Forward))
            {
                Assert.Equal(ErrorCode.None, ForwardFrame.TryRead(bytes, out ForwardFrame forward));
                Assert.Equal(ErrorCode.None, EventProperties.TryRead(forward.Properties, 1, out EventProperties read));
                Assert.Equal(priority, (byte)read.Priority);
            }
        }
    }

    [Fact]
    public void A_peer_that_grants_few_streams_gets_few_lanes()
    {
        var world = new VirtualWorld();
        using var a = new TestNode(world, 1);
        using var b = new TestNode(world, 2);
        RecordingTarget wants = b.Subscribe("#");
        a.Knows(b);
        world.RunUntil(() => a.Router.GetStatistics().PeerInterests == 1, "interest is known");
        a.Endpoint.Own.Single(c => !c.IsOver).UniStreamsGranted = 1;
        for (ulong i = 0; i < 40; i++)
        {
            a.Publish("t", $"{i}", publisher: 1 + (i % 8));
        }

        world.RunFor(50);
        Assert.Equal(40, wants.Events.Count);
        a.Publish("t", "no lane for this class", priority: Priority.High, properties: [PropertyId.Priority, 1, 0, 1]);
        world.RunFor(5);
        Assert.Equal(1, a.Snapshot.Counters.RefusedHere(ErrorCode.OverLimit));
    }

    [Fact]
    public void A_payload_that_the_peer_does_not_take_is_dropped_and_told()
    {
        var world = new VirtualWorld();
        using var node = new TestNode(world, 1);
        using var raw = new RawPeer(world, node);
        raw.OpenControl();
        raw.Send(raw.Control, raw.Hello(maxPayload: 100));
        raw.Send(raw.Control, RawPeer.Interest(1, true, (InterestChange.Add, "#")));
        node.Publish("t", new string('x', 101), publisher: 3);
        node.PublishMany("t", [.. Enumerable.Repeat(new string('x', 100), 50)], publisher: 3);
        world.RunFor(20);
        byte[] only = Assert.Single(raw.LaneFrames(PeerFrameKind.Gap));
        Assert.Equal(ErrorCode.None, GapFrame.TryRead(only, out GapFrame gap));
        Assert.Equal((3UL, 1UL, 1UL, 1UL), (gap.Publisher, gap.From, gap.To, gap.Count));
        Assert.Equal(DropReason.TooLarge, gap.Reason);
        Assert.Single(raw.LaneFrames(PeerFrameKind.Forward));
        Assert.Equal(1, node.Up[0].DroppedTooLarge);
    }

    [Fact]
    public void An_idle_link_holds_no_memory()
    {
        var world = new VirtualWorld();
        using var a = new TestNode(world, 1);
        using var b = new TestNode(world, 2);
        b.Subscribe("#");
        a.Knows(b);
        world.RunUntil(() => a.Router.GetStatistics().PeerInterests == 1, "interest is known");
        for (ulong i = 0; i < 400; i++)
        {
            a.Publish("t", new string('x', 5_000), publisher: 1 + (i % 8));
        }

        world.RunFor(3_500);
        Assert.InRange(a.Pool.RentedBytes, 0, 8_192);
        Assert.InRange(b.Pool.RentedBytes, 0, 8_192);
    }

    private static Func<MeshOptions, MeshOptions> WithQueue(long bytes) => o => new MeshOptions
    {
        Bind = o.Bind, NodeName = o.NodeName, Cluster = o.Cluster, Log = o.Log, LinkQueueBytes = bytes,
    };

    // Everything from 1 on was delivered or lies in a gap.
    private static void CheckNumbers(List<ulong> delivered, List<GapNotice> gaps)
    {
        Assert.Equal(delivered.Order(), delivered);
        var seen = new HashSet<ulong>(delivered);
        Assert.Equal(delivered.Count, seen.Count);
        ulong missing = 0;
        for (ulong number = 1; number <= delivered[^1]; number++)
        {
            if (!seen.Contains(number))
            {
                missing++;
                Assert.Contains(gaps, g => g.From <= number && number <= g.To);
            }
        }

        Assert.Equal(missing, gaps.Aggregate(0UL, (sum, g) => sum + g.Count));
    }

    private static void CheckAliases(RawPeer raw, uint maxAlias, int events)
    {
        int seen = 0;
        foreach (long lane in raw.Lanes)
        {
            var topics = new Dictionary<uint, string>();
            foreach (byte[] bytes in raw.Frames(lane))
            {
                if (bytes[4] == PeerFrameKind.Topic)
                {
                    Assert.Equal(ErrorCode.None, TopicFrame.TryRead(bytes, out TopicFrame topic));
                    Assert.InRange(topic.Alias, 1U, maxAlias);
                    topics[topic.Alias] = System.Text.Encoding.UTF8.GetString(topic.Topic);
                }
                else
                {
                    Assert.Equal(ErrorCode.None, ForwardFrame.TryRead(bytes, out ForwardFrame forward));
                    Assert.Equal(System.Text.Encoding.UTF8.GetString(forward.Body[4..]), topics[forward.Alias]);
                    seen++;
                }
            }
        }

        Assert.Equal(events, seen);
    }
}
