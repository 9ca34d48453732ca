using NexusD.Protocol;
using NexusD.Protocol.App;
using NexusD.Routing;
using NexusD.Routing.Retained;

namespace NexusD.Sessions.Tests;

/// <summary>What becomes of retained events that repair brings into the store while subscriptions are open.</summary>
public sealed class RepairedTests : IDisposable
{
    private const ulong Publisher = 77;
    private const RunFlags State = RunFlags.Retain | RunFlags.Retained;

    private readonly SessionFixture _fixture = new();
    private readonly ulong _now;

    public RepairedTests() => _now = HybridClock.FromUnixMs(_fixture.Time.GetUtcNow().ToUnixTimeMilliseconds());

    private ulong Before => _now - HybridClock.FromUnixMs(10_000);

    private ulong Later => _now + HybridClock.FromUnixMs(10_000);

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public void WhatIsOlderThanTheSubscription_IsState()
    {
        RawClient client = _fixture.Open();
        client.Subscribe(1, "#");

        Repair("a", 5, Before);
        Repair("b", 6, Later);

        Assert.Equal(("a", 5ul, State), Brief(client.NextEvent()));
        Assert.Equal(("b", 6ul, RunFlags.Retain), Brief(client.NextEvent()));
    }

    [Fact]
    public void WhoWantsNoState_GetsWhatIsNewsOnly()
    {
        RawClient client = _fixture.Open();
        client.Send(Frames.Subscribe(1, 0, 0, 0, noRetained: true, "#"));
        client.NextSubscribed();

        Repair("a", 5, Before);
        Repair("b", 6, Later);

        Assert.Equal(("b", 6ul, RunFlags.Retain), Brief(client.NextEvent()));
        client.AssertNothingCame();
        Assert.Equal(1, _fixture.Statistics.MatchedEvents);
    }

    [Fact]
    public void WhatTheClientHadLive_DoesNotComeAgain()
    {
        // It was open since before the events, had number 5 live, and nothing of another class or publisher.
        RawClient client = _fixture.Open();
        Resume(client, Before - 1, (Publisher, 5));

        Repair("had", 4, Before);
        Repair("last", 5, Before);
        Repair("not-had", 6, Before);
        Repair("other", 1, Before, publisher: 78);
        Repair("class", 3, Before, Priority.High);

        Assert.Equal(["not-had", "other", "class"], client.NextEvents(3).Select(e => e.Topic));
        client.AssertNothingCame();
    }

    [Fact]
    public void StateFromBeforeTheFirstOpening_ComesAgain()
    {
        // A connection that broke while the state was being sent did not bring all of it, though later events came.
        Repair("stored", 3, Before - 2);
        RawClient client = _fixture.Open();
        Resume(client, Before - 1, (Publisher, 5));
        Assert.Equal(("stored", 3ul, State), Brief(client.NextEvent()));

        Repair("repaired", 4, Before - 2);
        Assert.Equal(("repaired", 4ul, State), Brief(client.NextEvent()));
    }

    [Fact]
    public void WhatWasHad_IsForgottenWithTheSubscription()
    {
        RawClient client = _fixture.Open();
        Resume(client, Before, (Publisher, 5), (78, 1));
        int Entries() => _fixture.Run(() => _fixture.Listener.ResumeEntries);
        Assert.Equal(2, Entries());

        client.Send(Frames.Unsubscribe(1));
        client.NextFrame(FrameKind.Unsubscribed);
        Assert.Equal(0, Entries());
    }

    private static (string Topic, ulong Number, RunFlags Flags) Brief(ReceivedEvent came) =>
        (came.Topic, came.Number, came.Flags);

    private static void Resume(RawClient client, ulong since, params (ulong Publisher, ulong Number)[] had)
    {
        var list = new byte[ResumeReader.Size(had.Length)];
        int at = ResumeReader.WriteHeader(list, since);
        foreach ((ulong publisher, ulong number) in had)
        {
            at += ResumeReader.Write(list.AsSpan(at), new ResumeEntry(publisher, number, 0, Priority.Normal));
        }

        client.Send(Frames.Subscribe(new SubscribeFrame { Subscription = 1, Resume = list }, "#"));
        client.NextSubscribed();
    }

    private void Repair(
        string topic, ulong number, ulong timestamp, Priority priority = Priority.Normal, ulong publisher = Publisher)
    {
        byte[] body = [1, 0, 0, 0, 9];
        _fixture.Run(() =>
        {
            Assert.Equal(RetainedOutcome.Kept, _fixture.Router.RepairRetained(
                new EventRun
                {
                    Topic = _fixture.Router.Intern(System.Text.Encoding.UTF8.GetBytes(topic)),
                    Publisher = publisher,
                    Number = number,
                    Timestamp = timestamp,
                    Count = 1,
                    Flags = RunFlags.Retain,
                    Priority = priority,
                    Body = body,
                },
                _now));
        });
    }
}
