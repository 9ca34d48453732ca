using NexusD.Protocol;
using NexusD.Routing.Tests.Support;
using Xunit;

namespace NexusD.Routing.Tests;

public sealed class RouterPublishTests
{
    private readonly Router _router = Mesh.Router();

    [Fact]
    public void EachTargetGetsOneCopyThoughSeveralOfItsFiltersMatch()
    {
        RecordingTarget subscriber = _router.Subscriber("a/b", "a/*", "a/#", "#", "*/b");
        RecordingTarget link = _router.Peer("a/b", "#");

        Assert.Equal(new PublishOutcome(1, 1), _router.Publish("a/b", "x"));

        Assert.Equal("x", Assert.Single(subscriber.Deliveries).Texts);
        Assert.Equal("x", Assert.Single(link.Deliveries).Texts);
    }

    [Fact]
    public void WhatComesFromAPeerGoesToLocalTargetsOnly()
    {
        RecordingTarget subscriber = _router.Subscriber("a/#");
        RecordingTarget link = _router.Peer("a/#");
        Topic topic = _router.Topic("a/b");

        Assert.Equal(1, _router.PublishFromPeer(Runs.Of(topic, Runs.Body("x"), flags: RunFlags.Retain)));

        Assert.Single(subscriber.Deliveries);
        Assert.Empty(link.Deliveries);
    }

    [Fact]
    public void ChangesOfSubscriptionsApplyToTheNextEvent()
    {
        RecordingTarget first = _router.Subscriber("a/b");
        _router.Publish("a/b", "1");
        RecordingTarget second = _router.Subscriber("*/b");
        _router.Publish("a/b", "2");
        _router.Unsubscribe(first);
        _router.Publish("a/b", "3");
        Assert.True(_router.Unsubscribe(second, Mesh.Filter("+/b")));
        _router.Publish("a/b", "4");

        Assert.Equal(["1", "2"], first.Deliveries.Select(d => d.Texts));
        Assert.Equal(["2", "3"], second.Deliveries.Select(d => d.Texts));
        Assert.Equal(1, _router.GetStatistics().UnroutedEvents);
        _router.AssertInvariants();
    }

    [Fact]
    public void ChangesOfInterestApplyToTheNextEvent()
    {
        RecordingTarget link = _router.Peer();
        _router.Publish("a/b", "1");
        Assert.True(_router.AddInterest(link, Mesh.Filter("a/#")));
        Assert.False(_router.AddInterest(link, Mesh.Filter("a/**")));
        _router.Publish("a/b", "2");
        _router.ClearInterest(link);
        _router.Publish("a/b", "3");
        _router.AddInterestInEverything(link);
        _router.Publish("a/b", "4");
        _router.Publish("$nexusd/x", "5");
        _router.RemovePeer(link);
        _router.Publish("a/b", "6");

        Assert.Equal(["2", "4", "5"], link.Deliveries.Select(d => d.Texts));
        Assert.Equal(0, _router.GetStatistics().Links);
    }

    [Fact]
    public void RetainGoesToEveryPeerOnce()
    {
        RecordingTarget interested = _router.Peer("a");
        RecordingTarget other = _router.Peer("b");

        Assert.Equal(new PublishOutcome(0, 2), _router.Publish("a", "x", RunFlags.Retain));

        Assert.True(Assert.Single(interested.Deliveries).RemembersAlias);
        Assert.False(Assert.Single(other.Deliveries).RemembersAlias);
        Assert.Equal(1, _router.GetStatistics().RetainedEvents);
    }

    [Fact]
    public void LeadingDuplicatesOfAPeersRunAreCutOff()
    {
        RecordingTarget subscriber = _router.Subscriber("a");
        Topic topic = _router.Topic("a");

        Assert.Equal(1, _router.PublishFromPeer(Runs.Of(topic, Runs.Body("1", "2"), number: 1)));
        Assert.Equal(1, _router.PublishFromPeer(Runs.Of(topic, Runs.Body("2", "3", "4"), number: 2)));
        Assert.Equal(0, _router.PublishFromPeer(Runs.Of(topic, Runs.Body("3", "4"), number: 3)));

        Assert.Equal(["1,2", "3,4"], subscriber.Deliveries.Select(d => d.Texts));
        Assert.Equal([1UL, 3UL], subscriber.Deliveries.Select(d => d.Number));
        Assert.Equal(3, _router.GetStatistics().DuplicateEvents);
        Assert.Equal(4, _router.GetStatistics().ReceivedEvents);
    }

    [Fact]
    public void AnAliasIsRememberedWhileTheTargetStays()
    {
        RecordingTarget subscriber = _router.Subscriber("a/#");
        for (int i = 0; i < 10; i++)
        {
            _router.Publish("a/b", "x");
            _router.Subscriber("a/b");
        }

        Assert.Equal(1, subscriber.DeclaredAliases);
        Assert.Equal(10, subscriber.Deliveries.Count);
    }

    [Fact]
    public void GapsFromPeersReachThoseWhoHadEventsOfThatPublisher()
    {
        RecordingTarget had = _router.Subscriber("a");
        RecordingTarget hadOther = _router.Subscriber("b");
        _router.PublishFromPeer(Runs.Of(_router.Topic("a"), Runs.Body("1"), publisher: 7));
        _router.PublishFromPeer(Runs.Of(_router.Topic("b"), Runs.Body("1"), publisher: 8));
        var gap = new GapNotice(7, 2, 5, 4, DropReason.LinkFull, "there");

        _router.PublishGapFromPeer(gap);
        _router.PublishGapFromPeer(gap with { Publisher = 9 });

        Assert.Equal([gap], had.Gaps);
        Assert.Empty(hadOther.Gaps);

        _router.PublishGapFromPeer(new GapNotice(0, 0, 0, 3, DropReason.LinkFull, "there"));
        Assert.Equal(2, had.Gaps.Count);
        Assert.Single(hadOther.Gaps);
    }

    [Fact]
    public void WhatAPeerGaveUpAsPerhapsSentIsToldOnlyAsFarAsItDidNotCome()
    {
        RecordingTarget had = _router.Subscriber("a");
        _router.PublishFromPeer(Runs.Of(_router.Topic("a"), Runs.Body("1", "2", "3"), publisher: 7));
        var gap = new GapNotice(7, 2, 5, 4, DropReason.LinkLost, "there");

        _router.PublishGapFromPeer(gap with { To = 3, Count = 2 });
        Assert.Empty(had.Gaps);
        _router.PublishGapFromPeer(gap, Priority.Normal);
        Assert.Equal(gap with { From = 4, Count = 2 }, Assert.Single(had.Gaps));
        _router.PublishGapFromPeer(gap, Priority.High);
        Assert.Equal(gap, had.Gaps[1]);
        _router.PublishGapFromPeer(gap with { Reason = DropReason.LinkFull });
        Assert.Equal(3, had.Gaps.Count);
    }

    [Theory]
    [InlineData(RunFlags.None)]
    [InlineData(RunFlags.Retain)]
    public void ATargetMayLeaveWhileItIsServed(RunFlags flags)
    {
        var leaving = new LeavingTarget(_router);
        var lost = new LeavingTarget(_router);
        _router.Subscribe(leaving, Mesh.Filter("a"));
        RecordingTarget subscriber = _router.Subscriber("a");
        RecordingTarget first = _router.Peer("a");
        _router.AddPeer(lost);
        RecordingTarget last = _router.Peer("a");
        if (flags == RunFlags.None)
        {
            _router.AddInterest(lost, Mesh.Filter("a"));
        }

        _router.Publish("a", "1", flags);
        _router.Publish("a", "2", flags);

        Assert.Equal((1, 1), (leaving.Served, lost.Served));
        Assert.All([subscriber, first, last], t => Assert.Equal(["1", "2"], t.Deliveries.Select(d => d.Texts)));
        _router.AssertInvariants();
    }

    private sealed class LeavingTarget(Router router) : DeliveryTarget
    {
        public int Served { get; private set; }

        public override void Deliver(in EventRun run, ref RouteEntry entry)
        {
            Served++;
            router.Unsubscribe(this);
            router.RemovePeer(this);
        }

        public override void DeliverGap(in GapNotice gap) => throw new InvalidOperationException("no gap is expected");
    }
}
