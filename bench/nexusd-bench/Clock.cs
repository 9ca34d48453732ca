// tidy: allow blocking-call - pacing an open loop is waiting for the clock; no state is waited for.
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace NexusdBench;

/// <summary>Monotonic time, the same for all threads, and sleeping until a point of it.</summary>
internal static class Clock
{
    private const int SetTimerSlack = 29; // PR_SET_TIMERSLACK

    private static readonly double NanosecondsPerTick = 1e9 / Stopwatch.Frequency;

    internal static long Now => Stopwatch.GetTimestamp();

    internal static long NanosecondsSince(long ticks) => (long)((Now - ticks) * NanosecondsPerTick);

    internal static long TicksOf(double seconds) => (long)(seconds * Stopwatch.Frequency);

    /// <summary>Sleeps until a time, to a few microseconds where the system can.</summary>
    internal static void SleepUntil(long ticks)
    {
        var microseconds = (ticks - Now) * NanosecondsPerTick / 1000;
        if (microseconds < 1)
        {
            return;
        }

        if (!OperatingSystem.IsLinux() || Usleep((uint)Math.Min(microseconds, 900_000)) != 0)
        {
            Thread.Sleep((int)Math.Ceiling(microseconds / 1000));
        }
    }

    /// <summary>Lets the kernel wake this thread at the time it asked for, not up to 50 us later.</summary>
    internal static void WakePunctually()
    {
        if (OperatingSystem.IsLinux())
        {
            _ = ProcessControl(SetTimerSlack, 1, 0, 0, 0);
        }
    }

    [DllImport("libc", EntryPoint = "usleep")]
    private static extern int Usleep(uint microseconds);

    [DllImport("libc", EntryPoint = "prctl")]
    private static extern int ProcessControl(int option, nuint a, nuint b, nuint c, nuint d);
}
