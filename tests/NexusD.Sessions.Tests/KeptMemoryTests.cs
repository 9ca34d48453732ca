using NexusD.Buffers;
using NexusD.Protocol;
using NexusD.Protocol.App;

namespace NexusD.Sessions.Tests;

/// <summary>What kept subscriptions were sent and have not confirmed, while memory is short.</summary>
public sealed class KeptMemoryTests
{
    private const long Limit = 4 << 20;
    private const int Events = 800;

    [Theory]
    [InlineData(OverflowPolicy.DropOldest)]
    [InlineData(OverflowPolicy.Block)]
    public void WhatCouldNotBeHeld_IsToldToAClientThatDidNotGetIt(OverflowPolicy policy)
    {
        using var fixture = new SessionFixture(budget: new MemoryBudget(Limit));
        KeptClient client = new KeptClient(fixture, "t").Subscribe(overflow: policy);
        SendAndRead(fixture, client);
        Assert.InRange(Unconfirmed(fixture), Limit / 16, (Limit / 8) + (Events * 96));
        client.Break();

        client.Reconnect();
        client.Subscribe(position: default(StreamPosition));
        (ulong from, ulong to, ulong count, DropReason reason) = client.NextGap();
        Assert.Equal((1UL, to, DropReason.Memory), (from, count, reason));
        Assert.InRange(to, 100UL, (ulong)Events - 100);
        Assert.Equal(
            Enumerable.Range((int)to + 1, Events - (int)to).Select(n => (ulong)n),
            client.Next(Events - (int)to).Select(e => e.Number));
        client.Raw.AssertNothingCame();
        Assert.Equal((long)to, fixture.Statistics.DroppedEvents(DropReason.Memory));
        Assert.Equal(Events - (long)to, fixture.Statistics.SentAgainEvents);
    }

    [Fact]
    public void AClientThatHadIt_LosesNothing()
    {
        using var fixture = new SessionFixture(budget: new MemoryBudget(Limit));
        KeptClient client = new KeptClient(fixture, "t").Subscribe();
        SendAndRead(fixture, client);
        client.Break();
        client.Reconnect();
        client.Subscribe(position: client.Position);
        client.Raw.AssertNothingCame();
        Assert.Equal(0, fixture.Statistics.DroppedEvents(DropReason.Memory));
    }

    [Fact]
    public void WhenMemoryRunsOut_WhatIsNotConfirmedGivesWay()
    {
        using var fixture = new SessionFixture(budget: new MemoryBudget(Limit));
        KeptClient client = new KeptClient(fixture, "t").Subscribe();
        SendAndRead(fixture, client);
        long before = Unconfirmed(fixture);
        fixture.Run(() =>
        {
            fixture.Pool.Budget.CountArray(MemoryKind.Shared, Limit);
            fixture.Pool.Budget.Settle();
            Assert.Equal(MemoryBudget.LeastCeiling, fixture.Pool.Budget.Ceiling);
            fixture.Pool.Budget.CountArray(MemoryKind.Shared, -Limit);
            fixture.Pool.Budget.Settle();
        });
        Assert.InRange(Unconfirmed(fixture), 1, Math.Min(before / 2, (Events * 96) + MemoryBudget.LeastCeiling));

        client.Break();
        client.Reconnect();
        client.Subscribe(position: default(StreamPosition));
        (ulong from, ulong to, ulong count, DropReason reason) = client.NextGap();
        Assert.Equal((1UL, to, DropReason.Memory), (from, count, reason));
        client.Next(Events - (int)to);
        client.Raw.AssertNothingCame();
    }

    private static void SendAndRead(SessionFixture fixture, KeptClient client)
    {
        RawClient publisher = fixture.Open(publisher: 9);
        for (int i = 0; i < Events; i++)
        {
            publisher.Send(Frames.Publish("t", RunFlags.None, new byte[1_000]));
        }

        client.Next(Events);
    }

    private static long Unconfirmed(SessionFixture fixture) => fixture.Run(() =>
        fixture.Listener.TakeSnapshots().SelectMany(s => s.Details).Sum(d => d.Kept?.UnconfirmedBytes ?? 0));
}
