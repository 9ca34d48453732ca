using NexusD.Buffers;
using NexusD.Protocol;

namespace NexusD.Sessions.Tests;

/// <summary>
/// Above the whole budget, with nothing left to take back: what is new is refused, what is there goes on.
/// </summary>
public sealed class MemoryRefusalTests
{
    private const long Limit = 4 << 20;

    [Fact]
    public void NewSubscriptions_AreRefusedWithAWayOut_AndTheOthersGoOn()
    {
        using var fixture = new SessionFixture(budget: new MemoryBudget(Limit));
        RawClient client = fixture.Open();
        client.Subscribe(1, "t");
        RawClient publisher = fixture.Open(publisher: 9);
        Take(fixture, Limit);

        client.Send(Frames.Subscribe(2, "u"));
        (ErrorCode code, uint subscription, string text) = client.NextSubscribed();
        Assert.Equal((ErrorCode.OutOfMemory, 2u), (code, subscription));
        Assert.Contains("--memory-budget", text, StringComparison.Ordinal);
        Assert.Contains("nexusctl status", text, StringComparison.Ordinal);
        Assert.Equal(1, fixture.Statistics.Refusals(ErrorCode.OutOfMemory));
        publisher.Send(Frames.Publish("t", RunFlags.None, [7]));
        Assert.Equal([7], client.NextEvent().Payload);
        Assert.Equal(1, fixture.Statistics.Subscriptions);

        Take(fixture, -Limit);
        client.Subscribe(2, "u");
    }

    [Fact]
    public void NewSessions_AreToldWhyAndWhatToDo_AndComeInWhenMemoryIsFree()
    {
        using var fixture = new SessionFixture(budget: new MemoryBudget(Limit));
        RawClient before = fixture.Open();
        Take(fixture, Limit);

        RawClient refused = fixture.Connect();
        refused.ReadGreeting();
        (ErrorCode code, bool closes, _, string text) = refused.NextError();
        Assert.Equal((ErrorCode.OutOfMemory, true), (code, closes));
        Assert.Contains("--memory-budget", text, StringComparison.Ordinal);
        refused.AssertEnded();
        Assert.Equal(1, fixture.Statistics.Refusals(ErrorCode.OutOfMemory));
        Assert.Equal(1, fixture.Statistics.Sessions);
        before.AssertNothingCame();

        Take(fixture, -Limit);
        fixture.Open().AssertNothingCame();
    }

    [Fact]
    public void ASubscriptionThatWasKept_IsTakenBackAllTheSame()
    {
        using var fixture = new SessionFixture(budget: new MemoryBudget(Limit));
        KeptClient client = new KeptClient(fixture, "t").Subscribe();
        RawClient publisher = fixture.Open(publisher: 9);
        client.Break();
        client.Reconnect();
        Take(fixture, Limit);

        client.Subscribe(position: client.Position);
        Assert.True(client.TakenOver);
        Assert.Equal(0, fixture.Statistics.Refusals(ErrorCode.OutOfMemory));
        publisher.Send(Frames.Publish("t", RunFlags.None, [1]));
        Assert.Equal([1], client.Next(1)[0].Payload);
    }

    private static void Take(SessionFixture fixture, long bytes) => fixture.Run(() =>
    {
        fixture.Pool.Budget.CountArray(MemoryKind.Shared, bytes);
        fixture.Pool.Budget.Settle();
    });
}
