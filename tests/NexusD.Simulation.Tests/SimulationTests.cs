using System.Diagnostics;

namespace NexusD.Simulation.Tests;

/// <summary>
/// Many nodes in virtual time, with all that can go wrong between them; docs/TESTING.md tells how to run more.
/// </summary>
public sealed class SimulationTests
{
    private const int MutationSeeds = 120;
    private const int MutationsFound = 3;
    private const int HashedSeeds = 8;
    private const string LossesDoNotAddUp = "losses; it misses";

    [Fact]
    public void Whatever_happens_nothing_is_lost_silently_doubled_or_reordered_and_everything_heals()
    {
        (int first, int count) = SeedSet.Chosen();
        string? failure = SeedSet.Run(first, count);
        Assert.True(failure is null, failure);
    }

    [Fact]
    public void A_seed_gives_the_same_run_again()
    {
        for (int seed = 1; seed <= 5; seed++)
        {
            Assert.Equal(SeedSet.HashOf(seed), SeedSet.HashOf(seed));
        }
    }

    [Fact]
    public async Task A_seed_gives_the_same_run_in_another_process()
    {
        Task<string> other = HashesOfAnotherProcess();
        string hashes = await HashesOfAnotherProcess();
        Assert.Equal(hashes, await other);
        IEnumerable<string> own = Enumerable.Range(1, HashedSeeds).Select(static seed => $"{SeedSet.HashOf(seed):x16}");
        Assert.Equal(own, hashes.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
    }

    [Theory]
    [InlineData(nameof(Mutation.DropRun), LossesDoNotAddUp + "|though nothing was in the way")]
    [InlineData(nameof(Mutation.SwapRuns), LossesDoNotAddUp)]
    [InlineData(nameof(Mutation.RepeatRun), LossesDoNotAddUp)]
    [InlineData(nameof(Mutation.RepeatPayload), "is not its topic, class or payload")]
    [InlineData(nameof(Mutation.MiscountGap), LossesDoNotAddUp)]
    public void A_fault_that_is_put_in_is_found_and_nothing_else_is(string mutation, string reason)
    {
        Mutation kind = Enum.Parse<Mutation>(mutation);
        int found = 0;
        for (int seed = 1; seed <= MutationSeeds && found < MutationsFound; seed++)
        {
            var broken = new SimulationRun(seed, kind);
            if (SeedSet.FailureOf(broken) is not { } failure)
            {
                continue;
            }

            found++;
            Assert.True(failure is SimulationFailure, $"seed {seed}: {failure}");
            Assert.True(broken.BrokenPublishers.Count > 0, $"seed {seed} fails though nothing was broken: {failure}");
            ulong publisher = ((SimulationFailure)failure).Publisher;
            Assert.Matches(reason, failure.Message);
            Assert.True(
                publisher == 0 || broken.BrokenPublishers.Contains(publisher),
                $"seed {seed}: publisher {publisher} was not broken: {failure.Message}");
            Assert.Null(SeedSet.FailureOf(new SimulationRun(seed)));
        }

        Assert.Equal(MutationsFound, found);
    }

    private static async Task<string> HashesOfAnotherProcess()
    {
        string host = Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";
        string program = typeof(SimulationTests).Assembly.Location;
        var start = new ProcessStartInfo(host, [program, "hash", "1", $"{HashedSeeds}"])
        {
            RedirectStandardOutput = true,
        };
        using Process process = Process.Start(start)!;
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(3));
        try
        {
            string hashes = await process.StandardOutput.ReadToEndAsync(patience.Token);
            await process.WaitForExitAsync(patience.Token);
            Assert.Equal(0, process.ExitCode);
            return hashes;
        }
        finally
        {
            process.Kill();
        }
    }
}
