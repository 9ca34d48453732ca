using System.Globalization;

namespace NexusD.Simulation.Tests;

/// <summary>Runs seeds, and tells how to run one again.</summary>
internal static class SeedSet
{
    /// <summary>Environment variable: the one seed to run.</summary>
    public const string SeedVariable = "NEXUSD_SIMULATION_SEED";

    /// <summary>Environment variable: how many seeds to run, from 1 on.</summary>
    public const string CountVariable = "NEXUSD_SIMULATION_SEEDS";

    /// <summary>Environment variable: how many of the last things that happened a failure shows.</summary>
    public const string ShownVariable = "NEXUSD_SIMULATION_SHOWN";

    private const int UsualCount = 1_000;
    private const int UsuallyShown = 50;
    private const int Shown = 20;

    /// <summary>The seeds asked for.</summary>
    public static (int First, int Count) Chosen() =>
        Read(SeedVariable) is { } seed ? (seed, 1) : (1, Read(CountVariable) ?? UsualCount);

    /// <summary>Runs seeds on all cores; returns what went wrong, of the lowest seed in full.</summary>
    public static string? Run(int first, int count)
    {
        var failures = new SortedDictionary<int, string>();
        var options = new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount };
        Parallel.For(first, first + count, options, seed =>
        {
            if (RunOne(seed) is { } failure)
            {
                lock (failures)
                {
                    failures.Add(seed, failure);
                }
            }
        });
        if (failures.Count == 0)
        {
            return null;
        }

        IEnumerable<string> heads = failures.Values.Take(Shown).Select(static f => f[..f.IndexOf('\n', 0)]);
        return $"{failures.Count} of {count} seeds failed:\n{string.Join('\n', heads)}\n\n{failures.First().Value}";
    }

    /// <summary>Runs one seed; null when all is well.</summary>
    public static string? RunOne(int seed)
    {
        var run = new SimulationRun(seed);
        if (FailureOf(run) is not { } failure)
        {
            return null;
        }

        ulong publisher = (failure as SimulationFailure)?.Publisher ?? 0;
        int shown = Read(ShownVariable) ?? UsuallyShown;
        return $"""
            seed {seed}, step {run.History.Step}: {(failure is SimulationFailure ? failure.Message : failure)}
            Again: {SeedVariable}={seed} dotnet test tests/NexusD.Simulation.Tests -c Release
            {run.History.Describe(publisher, shown)}
            """;
    }

    /// <summary>Executes a run; returns what it ends with, null when all is well.</summary>
    public static Exception? FailureOf(SimulationRun run)
    {
        try
        {
            run.Execute();
            return null;
        }
        catch (Exception e)
        {
            return e;
        }
    }

    /// <summary>Hash of all that happens in a seed's run, however it ends.</summary>
    public static ulong HashOf(int seed)
    {
        var run = new SimulationRun(seed);
        _ = FailureOf(run); // told by other tests
        return run.History.Hash();
    }

    private static int? Read(string variable) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } text
            ? int.Parse(text, CultureInfo.InvariantCulture)
            : null;
}
