using NexusD.Protocol;
using NexusD.Routing.Retained;
using NexusD.Routing.Tests.Support;
using Xunit;

namespace NexusD.Routing.Tests;

public sealed class RouterRetainedTests
{
    private readonly Router _router = Mesh.Router();

    [Fact]
    public void AnOlderRetainedEventIsDeliveredLiveButNotStored()
    {
        RecordingTarget subscriber = _router.Subscriber("t");
        _router.Publish("t", "new", RunFlags.Retain, timestamp: 20 << 16);
        _router.Publish("t", "old", RunFlags.Retain, timestamp: 10 << 16);

        Assert.Equal(["new", "old"], subscriber.Deliveries.Select(d => d.Texts));
        Assert.True(_router.Retained.TryGet(_router.Topic("t"), out RetainedEvent? retained));
        Assert.Equal("new", RecordingTarget.Texts(retained.Body));
    }

    [Fact]
    public void ARunWithoutRetainIsNotStored()
    {
        _router.Publish("t", "x");
        Assert.Equal(0, _router.Retained.Count);
    }

    [Fact]
    public void ARetainedRunFromAPeerIsStored()
    {
        _router.PublishFromPeer(Runs.Of(_router.Topic("t"), Runs.Body("1", "2"), flags: RunFlags.Retain));

        Assert.True(_router.Retained.TryGet(_router.Topic("t"), out RetainedEvent? retained));
        Assert.Equal("2", RecordingTarget.Texts(retained.Body));
    }

    [Fact]
    public void RepairDeliversWhatIsNewerHereAndForwardsNothing()
    {
        RecordingTarget subscriber = _router.Subscriber("t");
        RecordingTarget link = _router.Peer("#");
        Topic topic = _router.Topic("t");
        // A later number of the same publisher came first, on another topic.
        _router.PublishFromPeer(Runs.Of(_router.Topic("u"), Runs.Body("x"), publisher: 3, number: 9));

        RunFlags flags = RunFlags.Retain | RunFlags.Retained;
        EventRun missed = Runs.Of(topic, Runs.Body("missed"), 3, 5, 10 << 16, flags);
        Assert.Equal(RetainedOutcome.Kept, _router.RepairRetained(missed, 20 << 16));
        Assert.Equal(RetainedOutcome.Older, _router.RepairRetained(missed, 20 << 16));

        Delivery delivery = Assert.Single(subscriber.Deliveries);
        Assert.Equal(("missed", 5UL, RunFlags.Retain), (delivery.Texts, delivery.Number, delivery.Flags));
        Assert.Empty(link.Deliveries);
        Assert.Equal(1, _router.Retained.Count);
        _router.AssertInvariants();
    }

    [Fact]
    public void TimeThatPassesRemovesExpiredEvents()
    {
        ulong second = HybridClock.FromUnixMs(1000);
        EventRun run = Runs.Of(
            _router.Topic("t"), Runs.Body("x"), timestamp: second, flags: RunFlags.Retain, timeToLiveMs: 10);
        _router.Publish(run);
        Assert.Equal(1, _router.GetStatistics().RetainedEvents);
        _router.AdvanceTime(HybridClock.FromUnixMs(1010));
        Assert.Equal(0, _router.GetStatistics().RetainedEvents);
    }

    [Fact]
    public void WhatRepairBroughtIsNotToldAsExpiredWhenTheLaneBringsIt()
    {
        RecordingTarget subscriber = _router.Subscriber("t");
        EventRun run = Retained("t", "x", number: 5, timeToLiveMs: 10_000);
        _router.RepairRetained(run, Second(2));

        _router.DropFromPeer(run, DropReason.Expired);

        Assert.Equal("x", Assert.Single(subscriber.Deliveries).Texts);
        Assert.Empty(subscriber.Gaps);
    }

    [Fact]
    public void AnExpiredEventFromAPeerEndsWhatIsOlder()
    {
        _router.PublishFromPeer(Retained("t", "old", number: 1));
        EventRun run = Retained("t", "x", number: 2, timeToLiveMs: 10, second: 2);
        _router.DropFromPeer(run, DropReason.Expired);

        Assert.Equal(0, _router.GetStatistics().RetainedEvents);
        Assert.Equal(RetainedOutcome.Older, _router.RepairRetained(Retained("t", "old", number: 1), Second(3)));
    }

    [Fact]
    public void AnExpiredEventFromRepairIsDeliveredToNobody()
    {
        RecordingTarget subscriber = _router.Subscriber("t");
        EventRun over = Retained("t", "", number: 5, timeToLiveMs: 100_000);

        Assert.Equal(RetainedOutcome.KeptExpired, _router.RepairRetained(over, Second(2), isExpired: true));
        Assert.Empty(subscriber.Deliveries);
    }

    [Fact]
    public void WhatRepairBroughtIsNotToldAsLost()
    {
        RecordingTarget subscriber = _router.Subscriber("t");
        _router.RepairRetained(Retained("t", "x", number: 5), Second(2));

        _router.PublishGapFromPeer(new GapNotice(3, 5, 5, 1, DropReason.LinkDown, "there"));
        Assert.Empty(subscriber.Gaps);

        // Once: another loss is another loss.
        _router.PublishGapFromPeer(new GapNotice(3, 6, 6, 1, DropReason.LinkDown, "there"));
        Assert.Single(subscriber.Gaps);
    }

    [Fact]
    public void WhatWasToldAsLostIsNotDeliveredWhenRepairBringsIt()
    {
        RecordingTarget subscriber = _router.Subscriber("#");
        _router.PublishFromPeer(Runs.Of(_router.Topic("u"), Runs.Body("1"), publisher: 3, number: 4));
        _router.PublishGapFromPeer(new GapNotice(3, 5, 5, 1, DropReason.LinkDown, "there"));
        Assert.Single(subscriber.Gaps);

        Assert.Equal(RetainedOutcome.Kept, _router.RepairRetained(Retained("t", "x", number: 5), Second(2)));
        Assert.Equal("1", Assert.Single(subscriber.Deliveries).Texts);
        Assert.Equal(1, _router.Retained.Count);
    }

    [Fact]
    public void WhatWasDeliveredThoughTheStoreWasFullIsNotDeliveredAgainByRepair()
    {
        Router router = Mesh.Router(new RouterOptions { MaxRetainedEvents = 1 });
        RecordingTarget subscriber = router.Subscriber("t");
        router.PublishFromPeer(Retained(router, "full", "x", number: 1));
        router.PublishFromPeer(Retained(router, "t", "x", number: 2));
        Assert.Single(subscriber.Deliveries);
        router.PublishFromPeer(Retained(router, "full", "", number: 3, second: 2));

        RetainedOutcome outcome = router.RepairRetained(Retained(router, "t", "x", number: 2), Second(3));
        Assert.Equal(RetainedOutcome.Kept, outcome);
        Assert.Single(subscriber.Deliveries);
    }

    private static ulong Second(int second) => HybridClock.FromUnixMs(second * 1_000L);

    private EventRun Retained(string topic, string text, ulong number, uint timeToLiveMs = 0, int second = 1) =>
        Retained(_router, topic, text, number, timeToLiveMs, second);

    private static EventRun Retained(
        Router router, string topic, string text, ulong number, uint timeToLiveMs = 0, int second = 1) => Runs.Of(
        router.Topic(topic), Runs.Body(text), 3, number, Second(second), RunFlags.Retain, timeToLiveMs: timeToLiveMs);
}
