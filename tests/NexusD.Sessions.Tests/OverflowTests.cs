using NexusD.Protocol;

namespace NexusD.Sessions.Tests;

/// <summary>Overflow policies, held publishers and priorities, over real sockets.</summary>
public sealed class OverflowTests
{
    private const uint NoWait = 600_000;

    [Fact]
    public void Block_HoldsThePublisherUntilThereIsRoom_AndLosesNothing()
    {
        using var fixture = new SessionFixture();
        RawClient reader = Stuck(fixture, OverflowPolicy.Block, NoWait, queueEvents: 10);
        reader.Subscribe(2, "u");
        RawClient publisher = fixture.Open(publisher: 9);
        publisher.Send(Frames.Topic(1, "t"));
        for (byte n = 1; n <= 100; n++)
        {
            publisher.Send(Frames.Publish(1, RunFlags.None, [n]));
        }

        AwaitHeld(fixture, 1);
        SubscriptionSnapshot stuck = Details(fixture);
        Assert.Equal((1L, 11, 1), (stuck.Delivered, stuck.QueuedEvents, stuck.HeldPublishers));
        Assert.Equal(12, fixture.Statistics.EventsIn);

        // Others go on meanwhile: another publisher, another subscription of the reader's session.
        RawClient other = fixture.Open();
        other.Send(Frames.Publish("u", RunFlags.None, [7]));
        Assert.Equal([1], reader.NextEvent().Payload);
        Assert.Equal([7], reader.NextEvent().Payload);

        reader.Send(Frames.Credit(1, 1_000_000));
        Assert.Equal(Enumerable.Range(2, 99).Select(n => (byte)n), reader.NextEvents(99).Select(e => e.Payload[0]));
        publisher.AssertNothingCame();
        Assert.Empty(publisher.Notices);
        AwaitHeld(fixture, 0);
    }

    [Fact]
    public void Block_GivesUpAfterItsTime_AndTellsBothSides()
    {
        using var fixture = new SessionFixture();
        RawClient reader = Stuck(fixture, OverflowPolicy.Block, 30, queueEvents: 2);
        RawClient publisher = fixture.Open(publisher: 9);
        for (byte n = 1; n <= 5; n++)
        {
            publisher.Send(Frames.Publish("t", RunFlags.None, [n], [n]));
        }

        publisher.AssertNothingCame();
        Assert.Equal((DropReason.BlockTimeout, 9UL, 5UL, 10UL, 6UL, "node-a"), Sum(publisher));
        Assert.Equal(6, fixture.Statistics.DroppedEvents(DropReason.BlockTimeout));
        Assert.Equal(2, Details(fixture).QueuedEvents);

        reader.Send(Frames.Credit(1, 1_000_000));
        Assert.Equal([1, 2], reader.NextEvents(2).Select(e => e.Number));
        Assert.Equal((1u, 9ul, 5ul, 10ul, 6ul, DropReason.BlockTimeout, "node-a"), reader.NextGap());
        Assert.Equal([3, 4], reader.NextEvents(2).Select(e => e.Number));
    }

    [Fact]
    public void Block_NeverHoldsAPublisherThatWouldWaitForItself()
    {
        using var fixture = new SessionFixture();
        RawClient both = fixture.Open(publisher: 9);
        both.Send(Frames.Subscribe(1, 1, 2, OverflowPolicy.Block, NoWait, "t"));
        both.NextSubscribed();
        for (byte n = 1; n <= 5; n++)
        {
            both.Send(Frames.Publish("t", RunFlags.None, [n]));
        }

        Assert.Equal([1], both.NextEvent().Payload);
        both.AssertNothingCame();
        Assert.Equal((DropReason.QueueFull, 9UL, 4UL, 5UL, 2UL, "node-a"), Sum(both));
    }

    [Fact]
    public void Block_IsOverWhenTheSubscriptionGoes()
    {
        using var fixture = new SessionFixture();
        RawClient reader = Stuck(fixture, OverflowPolicy.Block, NoWait, queueEvents: 1);
        RawClient publisher = fixture.Open(publisher: 9);
        for (byte n = 1; n <= 4; n++)
        {
            publisher.Send(Frames.Publish("t", RunFlags.None, [n]));
        }

        AwaitHeld(fixture, 1);
        reader.Send(Frames.Unsubscribe(1));
        publisher.AssertNothingCame();
        Assert.Equal(4, fixture.Statistics.EventsIn);
        Assert.Equal(2, fixture.Statistics.DroppedEvents(DropReason.SessionClosed));
        Assert.Equal((DropReason.SessionClosed, 9UL, 2UL, 3UL, 2UL, "node-a"), Sum(publisher));
    }

    [Fact]
    public void APublisherThatHangsUpWhileItIsHeld_StillHasItsEventsRead()
    {
        using var fixture = new SessionFixture();
        RawClient reader = Stuck(fixture, OverflowPolicy.Block, NoWait, queueEvents: 2);
        reader.Subscribe(2, "end");
        RawClient publisher = fixture.Open(publisher: 9);
        for (byte n = 1; n <= 9; n++)
        {
            publisher.Send(Frames.Publish("t", RunFlags.None, [n]));
        }

        publisher.Send(Frames.Publish("end", RunFlags.None, [0]));
        AwaitHeld(fixture, 1);
        publisher.Dispose();
        Assert.Equal([1], reader.NextEvent().Payload);
        Assert.Equal("end", reader.NextEvent().Topic);
        Assert.Equal(6, fixture.Statistics.DroppedEvents(DropReason.QueueFull));
        fixture.Await(() => fixture.Statistics.Sessions == 1);
    }

    [Fact]
    public void DropNewest_KeepsWhatCameFirst()
    {
        using var fixture = new SessionFixture();
        RawClient reader = Stuck(fixture, OverflowPolicy.DropNewest, null, queueEvents: 3);
        RawClient publisher = fixture.Open(publisher: 9);
        publisher.Send(Frames.Publish("t", RunFlags.None, [.. Enumerable.Range(1, 20).Select(n => new[] { (byte)n })]));
        publisher.Send(Frames.Publish("t", RunFlags.None, [.. Enumerable.Range(21, 9).Select(n => new[] { (byte)n })]));
        publisher.AssertNothingCame();
        reader.Send(Frames.Credit(1, 1_000_000));

        Assert.Equal(Enumerable.Range(1, 20), reader.NextEvents(20).Select(e => (int)e.Payload[0]));
        Assert.Equal((1u, 9ul, 24ul, 29ul, 6ul, DropReason.QueueFull, "node-a"), reader.NextGap());
        Assert.Equal([21, 22, 23], reader.NextEvents(3).Select(e => e.Payload[0]));
    }

    [Fact]
    public void Conflate_DeliversTheLatestOfEachTopic()
    {
        using var fixture = new SessionFixture();
        RawClient reader = Stuck(fixture, OverflowPolicy.Conflate, null, queueEvents: 0);
        RawClient publisher = fixture.Open(publisher: 9);
        for (byte n = 0; n < 30; n++)
        {
            publisher.Send(Frames.Publish(n % 3 == 0 ? "t" : $"t/{n % 3}", RunFlags.None, [n]));
        }

        publisher.AssertNothingCame();
        Assert.Empty(publisher.Notices);
        reader.Send(Frames.Credit(1, 1_000_000));
        Assert.Equal([0], reader.NextEvent().Payload);
        Assert.Equal((1u, 0ul, 0ul, 0ul, 26ul, DropReason.Conflated, "node-a"), reader.NextGap());
        Assert.Equal(
            [("t/1", 28), ("t/2", 29), ("t", 27)], reader.NextEvents(3).Select(e => (e.Topic, (int)e.Payload[0])));
        Assert.Equal(26, fixture.Statistics.DroppedEvents(DropReason.Conflated));
    }

    [Fact]
    public void Priorities_GoHighBeforeNormalBeforeLow()
    {
        using var fixture = new SessionFixture();
        RawClient reader = Stuck(fixture, OverflowPolicy.DropOldest, null, queueEvents: 0);
        RawClient publisher = fixture.Open();
        publisher.Send(Frames.Publish("t", RunFlags.None, [0]));
        foreach (Priority priority in (Priority[])[Priority.Low, Priority.Normal, Priority.High, Priority.Low])
        {
            byte[] properties =
            [
                .. Frames.Property(PropertyId.Topic, "t"u8.ToArray()),
                .. Frames.Property(PropertyId.Priority, [(byte)priority]),
            ];
            publisher.Send(Frames.PublishWith(0, RunFlags.None, properties, [(byte)(10 + priority)]));
        }

        publisher.AssertNothingCame();
        reader.Send(Frames.Credit(1, 1_000_000));
        Assert.Equal([0, 11, 10, 12, 12], reader.NextEvents(5).Select(e => e.Payload[0]));
    }

    [Fact]
    public void ARetainedEventThatTheClientCannotTake_IsToldAsAGap()
    {
        using var fixture = new SessionFixture();
        RawClient publisher = fixture.Open(publisher: 9);
        publisher.Send(Frames.Publish("t/1", RunFlags.Retain, new byte[70_000]));
        publisher.Send(Frames.Publish("t/2", RunFlags.Retain, [2]));
        publisher.AssertNothingCame();
        RawClient reader = fixture.Open(maxFrame: 65_536);
        reader.Subscribe(1, "t/*");
        var seen = new List<byte>();
        for (int n = 0; n < 2; n++)
        {
            byte[] frame = reader.NextFrame(out byte kind);
            seen.Add(kind);
        }

        Assert.Equal([FrameKind.Deliver, FrameKind.Gap], seen.Order());
        Assert.Equal(1, fixture.Statistics.DroppedEvents(DropReason.TooLarge));
    }

    [Fact]
    public void ARetainedEventThatExpiresBeforeItIsSent_IsNotSent()
    {
        using var fixture = new SessionFixture();
        RawClient publisher = fixture.Open(publisher: 9);
        byte[] properties =
        [
            .. Frames.Property(PropertyId.Topic, "t/1"u8.ToArray()),
            .. Frames.Property(PropertyId.TimeToLive, BitConverter.GetBytes(1000)),
        ];
        publisher.Send(Frames.PublishWith(0, RunFlags.Retain, properties, [1]));
        publisher.AssertNothingCame();
        fixture.Time.UnixMs += 1500; // the store itself looks about once a second only
        RawClient reader = fixture.Open();
        reader.Subscribe(1, "t/*");
        reader.AssertNothingCame();
        Assert.Equal(0, fixture.Statistics.MatchedEvents);
    }

    [Fact]
    public void ARefusedTopic_IsNotListed()
    {
        using var fixture = new SessionFixture();
        RawClient client = fixture.Open();
        client.Send(Frames.Topic(1, "$system/x"));
        client.NextError();
        client.Send(Frames.Publish(1, RunFlags.None, [1]));
        client.NextError();
        var topics = new List<NexusD.Routing.TopicSnapshot>();
        fixture.Run(() => { fixture.Router.CollectTopics(100, topics); });
        Assert.Empty(topics);
    }

    /// <summary>A subscription of "t/#" that gets one event and then has no credit.</summary>
    private static RawClient Stuck(
        SessionFixture fixture, OverflowPolicy policy, uint? blockTimeoutMs, uint queueEvents)
    {
        RawClient reader = fixture.Open();
        reader.Send(Frames.Subscribe(1, 1, queueEvents, policy, blockTimeoutMs, "t/#"));
        reader.NextSubscribed();
        return reader;
    }

    private static void AwaitHeld(SessionFixture fixture, int sessions) =>
        fixture.Await(() => fixture.Listener.TakeSnapshots().Count(s => s.IsHeldUp) == sessions);

    private static SubscriptionSnapshot Details(SessionFixture fixture)
    {
        SubscriptionSnapshot snapshot = fixture.Run(
            () => fixture.Listener.TakeSnapshots().SelectMany(s => s.Details).First(d => d.Filter == "t/#"));
        Assert.Equal(snapshot.Matched, snapshot.Delivered + snapshot.QueuedEvents + snapshot.DroppedEvents.Sum());
        return snapshot;
    }

    /// <summary>All notices as one; they are of one reason.</summary>
    private static (DropReason Reason, ulong Publisher, ulong From, ulong To, ulong Count, string Where) Sum(
        RawClient client)
    {
        var first = client.Notices[0];
        Assert.All(client.Notices, n => Assert.Equal(first.Reason, n.Reason));
        ulong count = 0;
        client.Notices.ForEach(n => count += n.Count);
        return (first.Reason, first.Publisher, client.Notices.Min(n => n.From), client.Notices.Max(n => n.To), count,
            first.Where);
    }
}
