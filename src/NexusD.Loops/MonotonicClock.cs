using System.Diagnostics;

namespace NexusD.Loops;

/// <summary>Nanoseconds of CLOCK_MONOTONIC: only differences mean anything, and they never go back.</summary>
public static class MonotonicClock
{
    /// <summary>Now, in nanoseconds.</summary>
    public static long NowNs =>
        // On Linux a Stopwatch tick is one nanosecond of CLOCK_MONOTONIC; the branch is folded at compile time
        // elsewhere.
        Stopwatch.Frequency == 1_000_000_000
            ? Stopwatch.GetTimestamp()
            : (long)(Stopwatch.GetTimestamp() * (1e9 / Stopwatch.Frequency));
}
