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
}
