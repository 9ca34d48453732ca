using NexusD.Protocol;
using NexusD.Protocol.App;

namespace NexusD.Sessions.Tests;

/// <summary>Subscriptions that outlive their connections: what waits, and what was on its way when one broke.</summary>
public sealed class KeepTests
{
    private const int FrameBytes = DeliverFrame.HeaderBytes + EventRunBody.SizeFieldBytes + 1;

    [Fact]
    public void WhatWaited_AndWhatWasOnItsWay_ComesInOrderAndOnce()
    {
        using var fixture = new SessionFixture();
        KeptClient client = new KeptClient(fixture, "t").Subscribe();
        RawClient publisher = fixture.Open(publisher: 9);
        Publish(publisher, 1, 6);
        Assert.Equal([1, 2, 3], client.Next(3).Select(e => e.Payload[0]));
        client.Break();
        Publish(publisher, 7, 9);
        Assert.Equal(1, fixture.Statistics.KeptSubscriptions);
        Assert.Equal(3, fixture.Statistics.QueuedEvents);
        Assert.True(fixture.Statistics.KeptBytes > 0);

        client.Reconnect();
        client.Subscribe(position: client.Position);
        Assert.True(client.TakenOver);
        Assert.Equal(new StreamPosition(3, 0), client.Position);
        List<ReceivedEvent> came = client.Next(6);
        Assert.Equal(Numbers(4, 9), came.Select(e => e.Number));
        Assert.Equal([true, true, true, false, false, false], came.Select(IsReplayed));
        Publish(publisher, 10, 11);
        Assert.Equal(Numbers(10, 11), client.Next(2).Select(e => e.Number));
        client.Raw.AssertNothingCame();
        Assert.Equal((3, 1), (fixture.Statistics.SentAgainEvents, fixture.Statistics.TakenOverSubscriptions));
        Assert.Equal(11 + 3, fixture.Statistics.DeliveredEvents);
    }

    [Fact]
    public void WithoutAPosition_WhatWasNotConfirmedComesAgain()
    {
        using var fixture = new SessionFixture();
        KeptClient client = new KeptClient(fixture, "t").Subscribe();
        RawClient publisher = fixture.Open(publisher: 9);
        Publish(publisher, 1, 6);
        client.Next(6);
        client.Raw.Send(Frames.Credit(1, (uint)((4 * FrameBytes) + TopicBytes)));
        client.Raw.AssertNothingCame();
        client.Break();

        client.Reconnect();
        client.Subscribe();
        Assert.Equal(new StreamPosition(4, 0), client.Position);
        List<ReceivedEvent> again = client.Next(2);
        Assert.Equal(Numbers(5, 6), again.Select(e => e.Number));
        Assert.All(again, e => Assert.True(IsReplayed(e)));
        client.Raw.AssertNothingCame();
    }

    [Fact]
    public void WithoutAPosition_TheResumePropertySaysWhatWasHad()
    {
        using var fixture = new SessionFixture();
        KeptClient client = new KeptClient(fixture, "t").Subscribe();
        RawClient publisher = fixture.Open(publisher: 9);
        Publish(publisher, 1, 6);
        client.Next(6);
        client.Break();

        var had = new byte[ResumeReader.Size(1)];
        int at = ResumeReader.WriteHeader(had, 0);
        ResumeReader.Write(had.AsSpan(at), new ResumeEntry(9, 5, 0, Priority.Normal));
        client.Reconnect();
        client.Subscribe(resume: had);
        Assert.Equal([6UL], client.Next(1).Select(e => e.Number));
        client.Raw.AssertNothingCame();
    }

    [Fact]
    public void AnUnknownToken_OpensANewSubscription()
    {
        using var fixture = new SessionFixture();
        KeptClient client = new KeptClient(fixture, "t").Subscribe();
        byte[] former = client.Token;
        client.Raw.Send(Frames.Unsubscribe(1));
        Assert.Equal(ErrorCode.None, client.NextUnsubscribed());
        client.Subscribe();
        Assert.False(client.TakenOver);
        Assert.NotEqual(former, client.Token);
        Assert.Equal(16, client.Token.Length);
    }

    [Fact]
    public void AConnectionThatIsAsGoodAsGone_LosesItsSubscriptionToTheNewOne()
    {
        using var fixture = new SessionFixture();
        KeptClient client = new KeptClient(fixture, "t").Subscribe();
        RawClient former = client.Raw;
        RawClient publisher = fixture.Open(publisher: 9);
        Publish(publisher, 1, 3);
        client.Next(3);
        client.Reconnect();
        client.Subscribe(position: client.Position);
        Assert.True(client.TakenOver);
        byte[] frame = former.NextFrame(FrameKind.Unsubscribed);
        Assert.Equal(ErrorCode.None, UnsubscribedFrame.TryRead(frame, out UnsubscribedFrame lost));
        Assert.Equal((ErrorCode.TakenOver, 1u), (lost.Code, lost.Subscription));
        Publish(publisher, 4, 5);
        Assert.Equal(Numbers(4, 5), client.Next(2).Select(e => e.Number));
        former.AssertNothingCame();
        Assert.Equal(0, fixture.Statistics.SentAgainEvents);
    }

    [Fact]
    public void AfterItsTime_WhatWaitedIsCounted_AndThePublisherTold()
    {
        using var fixture = new SessionFixture();
        KeptClient client = new KeptClient(fixture, "t").Subscribe(keepMs: 400);
        Assert.Equal(400u, client.KeepMs);
        RawClient publisher = fixture.Open(publisher: 9);
        client.Break();
        Publish(publisher, 1, 5);
        fixture.Await(() => fixture.Statistics.KeepsOver == 1);
        Assert.Equal(0, fixture.Statistics.Subscriptions);
        Assert.Equal(5, fixture.Statistics.DroppedEvents(DropReason.SessionClosed));
        publisher.AssertNothingCame();
        Assert.Equal(5, publisher.Notices.Sum(n => n.Reason == DropReason.SessionClosed ? (long)n.Count : 0));
        client.Reconnect();
        client.Subscribe();
        Assert.False(client.TakenOver);
    }

    [Fact]
    public void Losses_AreToldAgainIfTheirNoticeWasOnItsWay_AndOnlyThen()
    {
        using var fixture = new SessionFixture();
        KeptClient client = new KeptClient(fixture, "t").Subscribe(credit: 1, queueEvents: 2);
        RawClient publisher = fixture.Open(publisher: 9);
        Publish(publisher, 1, 5);
        client.Next(1);
        client.Break();
        client.Reconnect();
        client.Subscribe(queueEvents: 2, position: client.Position);
        Assert.Equal((2UL, 3UL, 2UL, DropReason.QueueFull), client.NextGap());
        client.Break(); // the notice had come, the events 4 and 5 were on their way

        client.Reconnect();
        client.Subscribe(position: client.Position);
        Assert.Equal(Numbers(4, 5), client.Next(2).Select(e => e.Number));
        client.Break();
    }

    [Fact]
    public void ANoticeOnItsWay_IsToldAgain()
    {
        using var fixture = new SessionFixture();
        KeptClient client = new KeptClient(fixture, "t").Subscribe(credit: 1, queueEvents: 2);
        RawClient publisher = fixture.Open(publisher: 9);
        Publish(publisher, 1, 5);
        client.Next(1);
        StreamPosition had = client.Position;
        client.Raw.Send(Frames.Credit(1, 1 << 20));
        client.NextGap();
        client.Next(2);
        client.Break();

        client.Reconnect();
        client.Subscribe(position: had);
        Assert.Equal(had, client.Position);
        Assert.Equal((2UL, 3UL, 2UL, DropReason.QueueFull), client.NextGap());
        Assert.Equal(Numbers(4, 5), client.Next(2).Select(e => e.Number));
        client.Raw.AssertNothingCame();
    }

    [Fact]
    public void Bye_EndsIt_ButNotWhilePaused()
    {
        using var fixture = new SessionFixture();
        RawClient publisher = fixture.Open(publisher: 9);
        KeptClient client = new KeptClient(fixture, "t").Subscribe();
        client.Raw.Send(Frames.Bye());
        client.Raw.AssertEnded();
        fixture.Await(() => fixture.Statistics.Subscriptions == 0);

        client.Reconnect();
        client.Subscribe();
        Assert.False(client.TakenOver);
        client.Raw.Send(Frames.Pause(1, 60_000), Frames.Bye());
        Assert.Equal(ErrorCode.None, client.NextPaused());
        client.Raw.AssertEnded();
        fixture.Await(() => fixture.Statistics.KeptSubscriptions == 1);
        Publish(publisher, 1, 3);
        client.Reconnect();
        client.Subscribe(position: client.Position);
        Assert.True(client.TakenOver);
        Assert.Equal(Numbers(1, 3), client.Next(3).Select(e => e.Number));
    }

    [Fact]
    public void Pause_HoldsEventsBack_UntilItGoesOn()
    {
        using var fixture = new SessionFixture();
        RawClient publisher = fixture.Open(publisher: 9);
        KeptClient client = new KeptClient(fixture, "t").Subscribe();
        client.Raw.Send(Frames.Pause(1, 60_000));
        Assert.Equal(ErrorCode.None, client.NextPaused());
        Publish(publisher, 1, 3);
        client.Raw.AssertNothingCame();
        KeptSnapshot kept = Assert.Single(fixture.Run(() => fixture.Listener.TakeSnapshots()), s => s.Subscriptions > 0)
            .Details[0].Kept!;
        Assert.Equal((true, false), (kept.IsPaused, kept.IsDetached));
        client.Raw.Send(Frames.Pause(1, 0));
        Assert.Equal(ErrorCode.None, client.NextPaused());
        List<ReceivedEvent> came = client.Next(3);
        Assert.Equal(Numbers(1, 3), came.Select(e => e.Number));
        Assert.DoesNotContain(came, IsReplayed);
        Publish(publisher, 4, 4);
        Assert.Equal(4UL, client.Next(1)[0].Number);
    }

    [Fact]
    public void APauseThatIsTooLong_EndsTheSubscription()
    {
        using var fixture = new SessionFixture();
        RawClient publisher = fixture.Open(publisher: 9);
        KeptClient client = new KeptClient(fixture, "t").Subscribe();
        client.Raw.Send(Frames.Pause(1, 200));
        client.NextPaused();
        Publish(publisher, 1, 3);
        Assert.Equal(ErrorCode.KeepOver, client.NextUnsubscribed());
        Assert.Equal(3, fixture.Statistics.DroppedEvents(DropReason.SessionClosed));
        client.Raw.Send(Frames.Pause(1, 0));
        Assert.Equal(ErrorCode.UnknownSubscription, client.NextPaused());
    }

    [Fact]
    public void WhatCannotBeKept_IsRefused_OrSaysSo()
    {
        using var fixture = new SessionFixture();
        KeptClient client = new KeptClient(fixture, "t").Subscribe();
        RawClient other = fixture.Open();
        other.Send(Frames.Subscribe(new SubscribeFrame { Subscription = 1, KeepMs = 1 }, "t"));
        Assert.Equal(ErrorCode.OverLimit, other.NextSubscribed().Code);
        other.Send(Frames.Subscribe(
            new SubscribeFrame { Subscription = 1, Credit = 1, KeepToken = client.Token }, "t", "u"));
        Assert.Equal(ErrorCode.BadFilter, other.NextSubscribed().Code);
        other.Subscribe(1, "t");
        other.Send(Frames.Pause(1, 10));
        Assert.Equal(FrameKind.Paused, other.NextFrame(FrameKind.Paused)[4]);

        using var without = new SessionFixture(options => options with { KeepLimit = TimeSpan.Zero });
        KeptClient plain = new KeptClient(without, "t").Subscribe();
        Assert.Equal((0u, 0), (plain.KeepMs, plain.Token.Length));
    }

    [Fact]
    public void BeyondTheBounds_TheOneThatWaitsLongestEnds()
    {
        using var fixture = new SessionFixture(options => options with { MaxKept = 2, MaxKeptBytes = 2_000 });
        KeptClient[] clients = [.. Enumerable.Range(0, 3).Select(_ => new KeptClient(fixture, "t").Subscribe())];
        foreach (KeptClient client in clients)
        {
            client.Break();
        }

        Assert.Equal((2, 1), (fixture.Statistics.KeptSubscriptions, fixture.Statistics.KeepsOver));
        RawClient publisher = fixture.Open();
        Publish(publisher, 1, 15);
        fixture.Await(() => fixture.Statistics.KeptSubscriptions == 1);
        Assert.True(fixture.Statistics.KeptBytes <= 2_000);
        clients[2].Reconnect();
        clients[2].Subscribe(position: default(StreamPosition));
        Assert.True(clients[2].TakenOver);
        Assert.Equal(15, clients[2].Next(15).Count);
    }

    [Fact]
    public void TimesToLive_HoldWhileItWaits_AndForWhatWasNotConfirmed()
    {
        using var fixture = new SessionFixture();
        KeptClient client = new KeptClient(fixture, "t").Subscribe();
        RawClient publisher = fixture.Open(publisher: 9);
        byte[] properties =
        [
            .. Frames.Property(PropertyId.Topic, "t"u8.ToArray()),
            .. Frames.Property(PropertyId.TimeToLive, BitConverter.GetBytes(1_000u)),
        ];
        publisher.Send(Frames.PublishWith(0, RunFlags.None, properties, [1]));
        publisher.AssertNothingCame();
        client.Break();
        publisher.Send(Frames.PublishWith(0, RunFlags.None, properties, [2]));
        Publish(publisher, 3, 3);
        fixture.Time.UnixMs += 5_000;
        client.Reconnect();
        client.Subscribe(position: default(StreamPosition));
        Assert.Equal((1UL, 2UL, 2UL, DropReason.Expired), client.NextGap());
        Assert.Equal(3UL, client.Next(1)[0].Number);
    }

    [Fact]
    public void ABlockingSubscription_HoldsNobodyUpWhileItWaits()
    {
        using var fixture = new SessionFixture();
        KeptClient client = new KeptClient(fixture, "t").Subscribe(queueEvents: 2, overflow: OverflowPolicy.Block);
        client.Break();
        RawClient publisher = fixture.Open(publisher: 9);
        Publish(publisher, 1, 5);
        Assert.Equal(3, fixture.Statistics.DroppedEvents(DropReason.QueueFull));
        client.Reconnect();
        client.Subscribe(position: default(StreamPosition));
        Assert.Equal((3UL, 5UL, 3UL, DropReason.QueueFull), client.NextGap());
        Assert.Equal(Numbers(1, 2), client.Next(2).Select(e => e.Number));
    }

    [Fact]
    public void AMemberOfAGroupThatIsAway_LeavesNewEventsToOthers_AndSoonWhatWaits()
    {
        using var fixture = new SessionFixture();
        KeptClient away = new KeptClient(fixture, "$share/g/t").Subscribe();
        away.Break();
        RawClient publisher = fixture.Open(publisher: 9);
        Publish(publisher, 1, 2); // nobody else is there
        Assert.Equal(2, fixture.Statistics.QueuedEvents);
        KeptClient other = new KeptClient(fixture, "$share/g/t").Subscribe();
        Publish(publisher, 3, 12);
        Assert.Equal(Numbers(3, 12), other.Next(10).Select(e => e.Number));
        Assert.Equal(Numbers(1, 2), other.Next(2).Select(e => e.Number));
        Assert.Equal(2, fixture.Statistics.ReroutedEvents);
        away.Reconnect();
        away.Subscribe(position: default(StreamPosition));
        away.Raw.AssertNothingCame();
        fixture.Run(() => fixture.Router.AssertInvariants());
    }

    private static int TopicBytes => 4 * PropertyWriter.Size(1);

    private static bool IsReplayed(ReceivedEvent received) => (received.Flags & RunFlags.Replayed) != 0;

    private static IEnumerable<ulong> Numbers(ulong from, ulong to)
    {
        for (ulong n = from; n <= to; n++)
        {
            yield return n;
        }
    }

    private static void Publish(RawClient publisher, byte from, byte to)
    {
        for (byte n = from; n <= to; n++)
        {
            publisher.Send(Frames.Publish("t", RunFlags.None, [n]));
        }

        publisher.AssertNothingCame();
    }
}
