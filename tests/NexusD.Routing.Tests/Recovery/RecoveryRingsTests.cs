using NexusD.Protocol;
using NexusD.Routing.Recovery;
using NexusD.Routing.Tests.Support;
using Xunit;

namespace NexusD.Routing.Tests.Recovery;

public sealed class RecoveryRingsTests
{
    [Fact]
    public void NothingIsKeptWhenOff()
    {
        Router router = Mesh.Router(new RouterOptions { RecoveryEvents = 0 });
        router.Publish("a", "x");
        Assert.Null(router.Recovery);
        RecordingTarget target = router.Subscriber("a");
        Assert.Null(router.Replay(target, [Mesh.Filter("a")], new ResumePoint(0), 1UL << 16));
        Assert.Empty(target.Deliveries);
    }

    [Fact]
    public void ANewSubscriptionGetsNothingOutOfARing()
    {
        Router router = Mesh.Router();
        router.Publish("a", "x");
        Assert.Empty(router.Subscriber("a").Deliveries);
    }

    [Fact]
    public void OfALongRunTheEndIsReplayed()
    {
        Router router = Mesh.Router();
        router.Publish(Runs.Of(router.Topic("a"), Runs.Body("1", "2", "3", "4", "5", "6", "7"), number: 11));
        RecordingTarget target = router.Subscriber("a");
        var point = new ResumePoint(0);
        router.Replay(target, [Mesh.Filter("a")], point, 1UL << 16);
        Assert.Equal(["3,4,5,6,7"], target.Deliveries.Select(d => d.Texts));
        Assert.Equal(new GapNotice(1, 11, 12, 2, DropReason.Missed, "here"), Assert.Single(target.Gaps));
    }

    [Fact]
    public void WhatIsOverIsToldAndNotReplayed()
    {
        Router router = Mesh.Router();
        router.Publish(Runs.Of(router.Topic("a"), Runs.Body("x"), timestamp: 1UL << 16, timeToLiveMs: 10));
        router.Publish(Runs.Of(router.Topic("a"), Runs.Body("y"), number: 2, timestamp: 2UL << 16));
        RecordingTarget target = router.Subscriber("a");
        router.Replay(target, [Mesh.Filter("a")], new ResumePoint(0), 100UL << 16);
        Assert.Equal("y", Assert.Single(target.Deliveries).Texts);
        Assert.Equal(DropReason.Expired, Assert.Single(target.Gaps).Reason);
    }

    [Fact]
    public void ClassesHaveNumbersOfTheirOwn()
    {
        Router router = Mesh.Router();
        Topic topic = router.Topic("a");
        router.Publish(Runs.Of(topic, Runs.Body("low"), number: 1, priority: Priority.Low));
        router.Publish(Runs.Of(topic, Runs.Body("high"), number: 2, priority: Priority.High));
        RecordingTarget target = router.Subscriber("a");
        var point = new ResumePoint(0);
        point.Add(1, Priority.High, 2, 1UL << 16);
        router.Replay(target, [Mesh.Filter("a")], point, 1UL << 16);
        Assert.Equal("low", Assert.Single(target.Deliveries).Texts);
    }

    [Fact]
    public void TheFirstLiveEventOfAPublisherElsewhereTellsWhatIsMissing()
    {
        Router router = Mesh.Router();
        ResumeWatch watch = WatchFor(7, 100, router);
        EventRun other = Runs.Of(router.Topic("a"), Runs.Body("x"), publisher: 8, number: 5);
        EventRun live = Runs.Of(router.Topic("a"), Runs.Body("x"), publisher: 7, number: 120);
        Assert.False(watch.TryNote(other, Settled, out _));
        Assert.False(watch.IsDone);
        Assert.True(watch.TryNote(live, Settled, out GapNotice gap));
        Assert.Equal(new GapNotice(7, 101, 119, 19, DropReason.Missed, "here"), gap);
        Assert.True(watch.IsDone);
    }

    [Fact]
    public void WithoutRingsAllThatIsMissedIsTold()
    {
        Router router = Mesh.Router(new RouterOptions { RecoveryEvents = 0 });
        Assert.Null(router.Recovery);
        router.Publishers.GetOrAdd(6).PinAsLocal(1);
        router.Publishers.GetOrAdd(6).Advance(1, 50, Priority.Normal);
        RecordingTarget target = router.Subscriber("a");
        var point = new ResumePoint(0);
        point.Add(6, Priority.Normal, 30, 1UL << 16);
        point.Add(7, Priority.Normal, 100, 1UL << 16);
        ResumeWatch watch = router.Replay(target, [Mesh.Filter("a")], point, 2UL << 16)!;
        Assert.Equal(6UL, Assert.Single(target.Gaps).Publisher);
        Assert.Equal((31UL, 50UL, 20UL), (target.Gaps[0].From, target.Gaps[0].To, target.Gaps[0].Count));
        EventRun live = Runs.Of(router.Topic("a"), Runs.Body("x"), publisher: 7, number: 120);
        Assert.True(watch.TryNote(live, Settled, out GapNotice gap));
        Assert.Equal(19UL, gap.Count);
    }

    [Fact]
    public void JumpsAreToldUntilTheInterestIsKnownForCertain()
    {
        Router router = Mesh.Router();
        ResumeWatch watch = WatchFor(7, 100, router);
        EventRun early = Runs.Of(router.Topic("a"), Runs.Body("x"), publisher: 7, number: 110);
        EventRun stored = Runs.Of(router.Topic("a"), Runs.Body("x"), publisher: 7, number: 120) with
        {
            Flags = RunFlags.Retain,
        };
        EventRun live = Runs.Of(router.Topic("a"), Runs.Body("x"), publisher: 7, number: 125);
        Assert.True(watch.TryNote(early, 3UL << 16, out GapNotice gap));
        Assert.Equal((101UL, 109UL), (gap.From, gap.To));
        Assert.True(watch.TryNote(stored, Settled, out gap));
        Assert.Equal((111UL, 119UL), (gap.From, gap.To));
        Assert.False(watch.IsDone);
        Assert.True(watch.TryNote(live, Settled, out gap));
        Assert.Equal((121UL, 124UL), (gap.From, gap.To));
        Assert.True(watch.IsDone);
    }

    [Fact]
    public void TopicsUsedLongestAgoGiveWay()
    {
        Router router = Mesh.Router(new RouterOptions { MaxRecoveryBytes = 64 * 1024 });
        for (int i = 0; i < 1_000; i++)
        {
            router.Publish(Runs.Of(router.Topic("kept"), Runs.Body("x"), publisher: 2, number: (ulong)i + 1));
            router.Publish(Runs.Of(router.Topic($"t/{i}"), Runs.Body("x"), number: (ulong)i + 1));
        }

        router.AssertInvariants();
        RecoveryRings rings = router.Recovery!;
        Assert.InRange(rings.Bytes, 16 * 1024, 64 * 1024);
        Assert.InRange(rings.Topics + rings.Evictions, 1_001, 1_010);
        RecordingTarget target = router.Subscriber("kept");
        router.Replay(target, [Mesh.Filter("kept")], new ResumePoint(0), 1UL << 16);
        Assert.Equal(5, target.Deliveries.Sum(d => d.Count));
    }

    [Fact]
    public void AnEventTooLargeToBeKeptIsCounted()
    {
        Router router = Mesh.Router(new RouterOptions { MaxRecoveryBytes = 64 * 1024 });
        router.Publish("a", new string('x', 32 * 1024));
        RecordingTarget target = router.Subscriber("a");
        router.Replay(target, [Mesh.Filter("a")], new ResumePoint(0), 1UL << 16);
        Assert.Empty(target.Deliveries);
        Assert.Equal(1UL, Assert.Single(target.Gaps).Count);
    }

    [Theory]
    [InlineData(100, 1)]
    [InlineData(5_000, 1)]
    [InlineData(100, 40)]
    public void NothingIsAllocatedInSteadyState(int topicCount, int eventsPerRun)
    {
        Router router = Mesh.Router(new RouterOptions { MaxRecoveryBytes = 2 << 20 });
        Topic[] topics = [.. Enumerable.Range(0, topicCount).Select(i => router.Topic($"a/{i}"))];
        byte[] body = Runs.Body(eventsPerRun, 100);
        Publish(router, topics, body, eventsPerRun, 1, topicCount * 20);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Publish(router, topics, body, eventsPerRun, topicCount * 20, 200_000);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100_000);
        router.AssertInvariants();
    }

    private static void Publish(Router router, Topic[] topics, byte[] body, int perRun, int from, int runs)
    {
        EventRun run = Runs.Of(topics[0], body);
        for (int i = from; i < from + runs; i++)
        {
            router.Publish(run with { Topic = topics[i % topics.Length], Number = (ulong)i * (ulong)perRun });
        }
    }

    private const ulong Settled = (2UL + ResumeWatch.SettlingMs) << 16;

    private static ResumeWatch WatchFor(ulong publisher, ulong number, Router router)
    {
        var point = new ResumePoint(0);
        point.Add(publisher, Priority.Normal, number, 1UL << 16);
        return router.Replay(router.Subscriber("a"), [Mesh.Filter("a")], point, 2UL << 16)!;
    }
}
