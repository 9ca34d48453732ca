using NexusD.Protocol;
using NexusdBench.History;

namespace NexusdBench.Tests.History;

/// <summary>Histories made by hand: a good one, each rule broken once, and each exception used once.</summary>
public sealed class HistoryCheckerTests
{
    [Fact]
    public void AllThatWasPublishedCame()
    {
        Verdict verdict = new Handmade().Got(1, 100).Check();
        Assert.True(verdict.IsGood);
        Assert.Equal((100, 100), (verdict.Total.Wanted, verdict.Total.Delivered));
    }

    [Fact]
    public void LossesThatWereToldAreAccountedFor()
    {
        Verdict verdict = new Handmade().Got(1, 40).Told(41, 60, 20).Got(61, 100).Check();
        Assert.True(verdict.IsGood);
        Assert.Equal((80, 20), (verdict.Total.Delivered, verdict.Total.Told));
    }

    [Fact]
    public void AnEventThatCameTwiceIsFound() =>
        Assert.Equal(ViolationKind.Duplicate, new Handmade().Got(1, 100).Got(50, 50).Broken());

    [Fact]
    public void AnEventThatCameAgainAfterAReconnectIsFound()
    {
        Handmade made = new Handmade().Got(1, 50);
        made.Subscription.Connections.Add(Handmade.Connection(50, "B1", "b"));
        Assert.Equal(ViolationKind.Duplicate, made.Got(50, 100, connection: 1).Broken());
    }

    [Fact]
    public void AnEventOutOfOrderIsFound() =>
        Assert.Equal(ViolationKind.Reordered, new Handmade().Got(1, 49).Got(51, 100).Got(50, 50).Broken());

    [Fact]
    public void AnEventThatIsMissingIsFound()
    {
        Verdict verdict = new Handmade().Got(1, 49).Got(51, 100).Check();
        Assert.Equal(ViolationKind.Unaccounted, Assert.Single(verdict.Violations).Kind);
        Assert.Equal(1, verdict.Total.Unaccounted);
    }

    [Fact]
    public void AMissingEndIsFound() =>
        Assert.Equal(ViolationKind.Unaccounted, new Handmade().Got(1, 99).Broken());

    [Fact]
    public void ALossToldElsewhereInTheNumbersDoesNotCount()
    {
        Verdict verdict = new Handmade().Got(1, 49).Told(60, 60, 1).Got(51, 100).Check();
        Assert.Equal(
            [ViolationKind.Unaccounted, ViolationKind.OverTold], verdict.Violations.Select(v => v.Kind).Order());
    }

    [Fact]
    public void ACountThatIsTooLowIsFound()
    {
        Verdict verdict = new Handmade().Got(1, 40).Told(41, 60, 19).Got(61, 100).Check();
        Assert.Equal(ViolationKind.Unaccounted, Assert.Single(verdict.Violations).Kind);
        Assert.Equal((19, 1), (verdict.Total.Told, verdict.Total.Unaccounted));
    }

    [Fact]
    public void ACountThatIsTooHighIsFound() =>
        Assert.Equal(ViolationKind.OverTold, new Handmade().Got(1, 40).Told(41, 60, 21).Got(61, 100).Broken());

    [Fact]
    public void ACountThatMayBeTooHighIsNot() => Assert.True(
        new Handmade().Got(1, 40).Told(41, 60, 21, DropReason.Missed).Got(61, 100).Check().IsGood);

    [Fact]
    public void ALossToldBehindALaterEventIsFound() =>
        Assert.Equal(ViolationKind.ToldLate, new Handmade().Got(1, 40).Got(61, 100).Told(41, 60, 20).Broken());

    [Fact]
    public void AnEventThatNobodyPublishedIsFound() =>
        Assert.Equal(ViolationKind.NeverPublished, new Handmade().Got(1, 100).Got(101, 101).Broken());

    [Fact]
    public void AnEventThatWasNotAskedForIsFound() =>
        Assert.Equal(ViolationKind.NotAskedFor, new Handmade().Got(1, 100).Got(50, 50, stream: 1).Broken());

    [Theory]
    [InlineData(nameof(ViolationKind.WrongPayload))]
    [InlineData(nameof(ViolationKind.WrongIdentity))]
    public void ADeliveryThatCannotBeRightIsFound(string name)
    {
        ViolationKind kind = Enum.Parse<ViolationKind>(name);
        Handmade made = new Handmade().Got(1, 100);
        made.Subscription.Bad.Add(new BadDelivery(kind, 0, 7, "it is wrong"));
        Assert.Equal(kind, made.Broken());
    }

    [Fact]
    public void ANoticeOfEventsThatWereNeverPublishedIsFound()
    {
        Handmade made = new Handmade().Got(1, 100);
        made.Publisher.Notices.Add(new ToldNotice(Handmade.Id, 90, 101, 1, DropReason.QueueFull, "a"));
        Assert.Equal(ViolationKind.BadNotice, made.Broken());
    }

    [Fact]
    public void EventsInDoubtMayBeMissingUpToTheirNumber()
    {
        Handmade made = new Handmade().Got(1, 40).Got(43, 100);
        made.Publisher.Doubts.Add(new DoubtSpan(40, 50, 2));
        Assert.Equal(2, made.Check().Total.InDoubt);
        made.Publisher.Doubts[0] = new DoubtSpan(40, 50, 1);
        Assert.Equal(ViolationKind.Untaken, made.Broken());
    }

    [Fact]
    public void AnEventInDoubtThatSomebodyGotIsMissingElsewhere()
    {
        Handmade made = new Handmade().Got(1, 40).Got(42, 100);
        made.Publisher.Doubts.Add(new DoubtSpan(40, 50, 1));
        var other = new SubscriptionLog("other", TopicScope.All, isPerTopic: false, resumes: false);
        other.Connections.Add(Handmade.Connection(0, "A1", "a"));
        other.Runs.Add(new DeliveredRun(1, 0, 0, 0, DeliveryKind.Live, 1, 100));
        made.History.Subscriptions.Add(other);
        Assert.Equal(ViolationKind.Unaccounted, made.Broken());
    }

    [Fact]
    public void WhatDiedWithThePublishersDaemonIsExcusedUnlessToldNotTo()
    {
        Handmade made = new Handmade().Got(1, 45).Got(53, 100);
        made.Publisher.Connections.Add(Handmade.Connection(58, "A2", "a", confirmed: 50, sent: 50));
        Assert.Equal(7, made.Check().Total.Crashed);
        Assert.True(made.Check().IsGood);
        Assert.Equal(ViolationKind.Unaccounted, made.Broken(strict: true));
    }

    [Theory]
    [InlineData("A1", false)] // the process lives
    [InlineData("A2", true)] // it left in order, so all that it had taken was delivered
    public void WhatADaemonHadToDeliverIsNotExcused(string process, bool left)
    {
        Handmade made = new Handmade().Got(1, 45).Got(51, 100);
        made.Publisher.Connections.Add(Handmade.Connection(50, process, "a", left, confirmed: 50, sent: 50));
        Assert.Equal(ViolationKind.Unaccounted, made.Broken());
    }

    [Fact]
    public void TwoStretchesDoNotGoWithOneDaemon()
    {
        Handmade made = new Handmade().Got(1, 20).Got(23, 45).Got(53, 100);
        made.Publisher.Connections.Add(Handmade.Connection(58, "A2", "a", confirmed: 50, sent: 50));
        Assert.Equal(ViolationKind.Unaccounted, made.Broken());
        Assert.Equal(2, made.Check().Total.Unaccounted);
    }

    [Fact]
    public void ANewDaemonDoesNotExcuseForEver()
    {
        Handmade made = new Handmade().Got(1, 50).Got(91, 100);
        made.Publisher.Connections.Add(Handmade.Connection(50, "A2", "a", confirmed: 50, sent: 50));
        Assert.Equal(ViolationKind.Unaccounted, made.Broken());
        made.History.Faults.Add(new FaultSpan(52_000_000_000, 90_000_000_000, "b+a", "cut"));
        Assert.True(made.Check().IsGood);
        made.History.Faults[0] = made.History.Faults[0] with { Nodes = "a+c" };
        Assert.False(made.Check().IsGood);
    }

    [Fact]
    public void WhatWasPublishedWhileASubscriberWasAwayIsExcused()
    {
        Handmade made = new Handmade().Got(1, 40);
        made.Subscription.Connections.Add(Handmade.Connection(60, "B1", "b"));
        made.Got(61, 100, connection: 1);
        Assert.Equal(20, made.Check().Total.Away);
        Assert.Equal(ViolationKind.Unaccounted, made.Broken(strict: true));
    }

    [Fact]
    public void ASubscriberThatResumesHasToBeToldWhatItMissed()
    {
        Handmade made = new Handmade(resumes: true).Got(1, 40);
        made.Subscription.Connections.Add(Handmade.Connection(60, "B1", "b"));
        made.Got(61, 100, connection: 1);
        Assert.Equal(ViolationKind.Unaccounted, made.Broken());
    }

    [Fact]
    public void RetainedEventsMayComeAgainAfterAReconnect()
    {
        Handmade made = new Handmade().Got(1, 100);
        made.Subscription.Connections.Add(Handmade.Connection(100, "B1", "b"));
        Assert.True(made.Got(100, 100, connection: 1, DeliveryKind.Retained).Check().IsGood);
        Assert.Equal(ViolationKind.Duplicate, made.Got(100, 100, connection: 1, DeliveryKind.Retained).Broken());
    }
}
