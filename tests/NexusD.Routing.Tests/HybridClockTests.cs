using Xunit;

namespace NexusD.Routing.Tests;

public sealed class HybridClockTests
{
    private readonly HybridClock _clock = new();

    [Fact]
    public void TicksGrowThoughTheWallClockStandsStillOrJumpsBack()
    {
        ulong first = _clock.Tick(1000);
        Assert.Equal(1000, HybridClock.UnixMs(first));
        ulong second = _clock.Tick(1000);
        ulong third = _clock.Tick(500);
        ulong fourth = _clock.Tick(-1);
        Assert.True(first < second && second < third && third < fourth);
        Assert.Equal(HybridClock.FromUnixMs(2000), _clock.Tick(2000));
    }

    [Fact]
    public void TheCounterRunsOnIntoTheNextMillisecond()
    {
        ulong last = _clock.Tick(1000);
        for (int i = 0; i < 70_000; i++)
        {
            ulong next = _clock.Tick(1000);
            Assert.True(next > last);
            last = next;
        }

        Assert.Equal(1001, HybridClock.UnixMs(last));
        Assert.True(_clock.Tick(1001) > last);
    }

    [Fact]
    public void ARemoteClockIsFollowedUpToAMinuteAhead()
    {
        ulong ahead = HybridClock.FromUnixMs(61_000);
        Assert.True(_clock.Observe(ahead, 1000));
        Assert.True(_clock.Tick(1000) > ahead);

        Assert.False(_clock.Observe(HybridClock.FromUnixMs(61_001 + 1), 1001));
        Assert.Equal(1, _clock.RefusedRemoteValues);
        Assert.True(_clock.Last < HybridClock.FromUnixMs(61_001));
    }

    [Fact]
    public void ARemoteClockBehindChangesNothing()
    {
        ulong now = _clock.Tick(5000);
        Assert.True(_clock.Observe(HybridClock.FromUnixMs(10), 5000));
        Assert.Equal(now, _clock.Last);
    }

    [Fact]
    public void WallTimesBeyondTheRangeAreCut()
    {
        Assert.Equal(0UL, HybridClock.FromUnixMs(-5));
        Assert.Equal(0xFFFF_FFFF_FFFF_0000, HybridClock.FromUnixMs(long.MaxValue));
    }
}
