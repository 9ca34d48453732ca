using System.Globalization;

namespace NexusD.Simulation.Tests;

/// <summary>Runs seeds outside of the test runner; see <see cref="Usage"/>.</summary>
internal static class Program
{
    private const string Usage = """
        dotnet NexusD.Simulation.Tests.dll FIRST [COUNT]   runs seeds
        dotnet NexusD.Simulation.Tests.dll hash FIRST COUNT   runs them and writes a hash of all that happened in each
        """;

    public static int Main(string[] arguments)
    {
        try
        {
            return arguments switch
            {
                ["hash", var first, var count] => WriteHashes(Number(first), Number(count)),
                [var first] => Run(Number(first), 1),
                [var first, var count] => Run(Number(first), Number(count)),
                _ => throw new FormatException(),
            };
        }
        catch (FormatException)
        {
            Console.Error.WriteLine(Usage);
            return 2;
        }
    }

    private static int Run(int first, int count)
    {
        string? failure = SeedSet.Run(first, count);
        Console.WriteLine(failure ?? $"{count} seeds passed");
        return failure is null ? 0 : 1;
    }

    private static int WriteHashes(int first, int count)
    {
        for (int seed = first; seed < first + count; seed++)
        {
            Console.WriteLine(SeedSet.HashOf(seed).ToString("x16", CultureInfo.InvariantCulture));
        }

        return 0;
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
