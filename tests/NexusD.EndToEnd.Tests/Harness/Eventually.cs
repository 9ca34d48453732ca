using System.Diagnostics;

namespace NexusD.EndToEnd.Tests.Harness;

/// <summary>Waits for a state by looking at it, and fails loudly with what was seen last.</summary>
internal static class Eventually
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>Looks until <paramref name="reached"/> holds; returns how long that took.</summary>
    public static async Task<TimeSpan> TrueAsync<T>(string what, Func<Task<T>> look, Func<T, bool> reached)
    {
        var watch = Stopwatch.StartNew();
        using var pace = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
        T seen;
        do
        {
            seen = await look();
            if (reached(seen))
            {
                return watch.Elapsed;
            }
        }
        while (watch.Elapsed < Patience && await pace.WaitForNextTickAsync());

        throw new TimeoutException($"Not within {Patience.TotalSeconds:0} s: {what}. Last seen: {seen}");
    }
}
