using NexusD.Loops;

namespace NexusD.Transport.Tests;

public sealed class TurnSpacingTests
{
    private const long SpacingNs = 20_000_000;

    [Fact]
    public void TurnsKeepTheirDistance()
    {
        using var loop = new EventLoop { TurnSpacingNs = SpacingNs };
        long before = RunTurnWithWork(loop);

        long after = RunTurnWithWork(loop);

        Assert.True(after - before >= SpacingNs, $"{after - before} ns");
    }

    [Fact]
    public void AHurriedTurnKeepsItsDistanceAgainAfterwards()
    {
        using var loop = new EventLoop { TurnSpacingNs = SpacingNs };
        loop.HurryNextTurn();
        long before = RunTurnWithWork(loop);

        long after = RunTurnWithWork(loop);

        Assert.True(after - before >= SpacingNs, $"{after - before} ns");
    }

    private static long RunTurnWithWork(EventLoop loop)
    {
        loop.Post(() => { });
        loop.RunTurn();
        return loop.NowNs;
    }
}
