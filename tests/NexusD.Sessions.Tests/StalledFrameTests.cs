using NexusD.Buffers;
using NexusD.Protocol;

namespace NexusD.Sessions.Tests;

/// <summary>Clients that stop in the middle of a large frame hold memory: counted for them, and not for ever.</summary>
public sealed class StalledFrameTests
{
    private const int PayloadBytes = 1 << 20;

    [Fact]
    public void AClientThatStopsInALargeFrame_IsToldAndEnded_AndItsMemoryIsFree()
    {
        using var fixture = new SessionFixture(o => o with { FrameTimeout = TimeSpan.FromMilliseconds(200) });
        RawClient neighbour = fixture.Open();
        neighbour.Subscribe(1, "t");
        RawClient client = fixture.Open();
        byte[] frame = Frames.Publish("t", RunFlags.None, new byte[PayloadBytes]);
        client.Send(frame.AsSpan(0, 10_000));

        (ErrorCode code, bool closes, _, string text) = client.NextError();
        Assert.Equal((ErrorCode.Idle, true), (code, closes));
        Assert.Contains($"{frame.Length} bytes stopped after 10000", text, StringComparison.Ordinal);
        Assert.Contains("within 0.2 s", text, StringComparison.Ordinal);
        client.AssertEnded();
        Assert.Equal(1, fixture.Statistics.Refusals(ErrorCode.Idle));
        Assert.Equal(0, fixture.Pool.Budget.SlabBytes(MemoryKind.Payloads));
        neighbour.AssertNothingCame();
    }

    [Fact]
    public void WhatCameOfAFrame_CountsForItsClient()
    {
        using var fixture = new SessionFixture();
        RawClient client = fixture.Open();
        byte[] frame = Frames.Publish("t", RunFlags.None, new byte[PayloadBytes]);
        client.Send(frame.AsSpan(0, 10_000));
        fixture.Await(() => fixture.Listener.Largest(1) is [{ Bytes: >= PayloadBytes }]);

        client.Send(frame.AsSpan(10_000));
        client.AssertNothingCame();
        Assert.True(fixture.Run(() => fixture.Listener.Largest(1).All(held => held.Bytes < PayloadBytes)));
    }

    [Fact]
    public void WhatWaitsWhileReadingIsPaused_IsInTheBudget()
    {
        using var fixture = new SessionFixture(budget: new MemoryBudget(64 << 20));
        RawClient client = fixture.Open();
        long before = fixture.Run(Sessions);
        fixture.Run(fixture.Listener.HoldPublishes);
        client.Send(Frames.Publish("t", RunFlags.None, [.. Enumerable.Repeat(new byte[100], 300)]));
        fixture.Await(() => Sessions() >= before + 30_000);
        fixture.Run(fixture.Listener.ReleasePublishes);
        client.AssertNothingCame();
        Assert.Equal(before, fixture.Run(Sessions));

        long Sessions()
        {
            Span<long> kinds = stackalloc long[MemoryBudget.Kinds];
            fixture.Pool.Budget.Measure(kinds);
            return kinds[(int)MemoryKind.Sessions] - fixture.Pool.Budget.SlabBytes(MemoryKind.Sessions);
        }
    }
}
