// tidy: allow blocking-call - pacing an open loop is waiting for the clock; no state is waited for.
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace NexusdBench;

/// <summary>
/// Monotonic time in nanoseconds, the same for all threads and, on Linux, for all processes; and sleeping until a point
/// of it.
/// </summary>
internal static unsafe class Clock
{
    private const int Monotonic = 1; // CLOCK_MONOTONIC
    private const int Absolute = 1; // TIMER_ABSTIME
    private const int SetTimerSlack = 29; // PR_SET_TIMERSLACK
    private const long NanosecondsPerSecond = 1_000_000_000;

    private static readonly double NanosecondsPerTick = (double)NanosecondsPerSecond / Stopwatch.Frequency;

    /// <summary>Nanoseconds since some moment before this process; Linux: CLOCK_MONOTONIC.</summary>
    internal static long Now => Stopwatch.Frequency == NanosecondsPerSecond
        ? Stopwatch.GetTimestamp()
        : (long)(Stopwatch.GetTimestamp() * NanosecondsPerTick);

    internal static long Nanoseconds(double seconds) => (long)(seconds * NanosecondsPerSecond);

    internal static double Seconds(long nanoseconds) => nanoseconds / (double)NanosecondsPerSecond;

    /// <summary>Sleeps until a time, to a few microseconds where the system can.</summary>
    internal static void SleepUntil(long time)
    {
        var left = time - Now;
        if (left <= 0)
        {
            return;
        }

        if (!OperatingSystem.IsLinux())
        {
            Thread.Sleep((int)Math.Ceiling(left / 1e6));
            return;
        }

        var until = new TimeSpec { Seconds = time / NanosecondsPerSecond, Nanoseconds = time % NanosecondsPerSecond };
        _ = SleepOn(Monotonic, Absolute, &until, null);
    }

    /// <summary>Sleeps so many nanoseconds.</summary>
    internal static void Sleep(long nanoseconds) => SleepUntil(Now + nanoseconds);

    /// <summary>Lets the kernel wake this thread at the time it asked for, not up to 50 us later.</summary>
    internal static void WakePunctually()
    {
        if (OperatingSystem.IsLinux())
        {
            _ = ProcessControl(SetTimerSlack, 1, 0, 0, 0);
        }
    }

    [DllImport("libc", EntryPoint = "clock_nanosleep")]
    private static extern int SleepOn(int clock, int flags, TimeSpec* request, TimeSpec* left);

    [DllImport("libc", EntryPoint = "prctl")]
    private static extern int ProcessControl(int option, nuint a, nuint b, nuint c, nuint d);

    /// <summary>struct timespec of 64-bit systems.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec
    {
        internal long Seconds;
        internal long Nanoseconds;
    }
}
