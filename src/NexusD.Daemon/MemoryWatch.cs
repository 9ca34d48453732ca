using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using NexusD.Buffers;
using NexusD.Daemon.Logging;

namespace NexusD.Daemon;

/// <summary>
/// Keeps the budget true to what the process really holds: the heap's own bound, unused pages given back to the system,
/// and a lower bound for events when the rest of the process takes more than was set aside for it.
/// </summary>
/// <remarks>On the loop's thread, apart from <see cref="LimitHeap"/>.</remarks>
internal sealed partial class MemoryWatch(MemoryPlan plan, MemoryBudget budget, ILogger log)
{
    private const long ReportEveryMs = 60_000;
    private const long CollectEveryMs = 2_000;
    private const int ResidentField = 1;
    private const int SharedField = 2;

    private static readonly TimeSpan _calm = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan _busy = TimeSpan.FromMilliseconds(100);
    private static bool _hasTrim = true;

    private long _cuts;
    private long _reportedAtMs = -ReportEveryMs;
    private long _collectedAtMs = -CollectEveryMs;
    private long _relaxedAtMs;

    /// <summary>Bounds the managed heap, so that it is collected before it takes the place of events.</summary>
    public static void LimitHeap(MemoryPlan plan)
    {
        try
        {
            AppContext.SetData("GCHeapHardLimit", (ulong)plan.HeapLimit);
            GC.RefreshMemoryLimit();
        }
        catch (InvalidOperationException)
        {
            // The runtime was told another limit by its own variables; that one counts.
        }
    }

    /// <summary>Looks and acts; returns when to call it again.</summary>
    /// <param name="nowMs">Monotonic time.</param>
    public TimeSpan Tick(long nowMs)
    {
        long used = budget.Measure(stackalloc long[MemoryBudget.Kinds]);
        long beside = ReadHeld() - used;
        long room = plan.BesideBudget / 4 * 3;
        if (beside > room / 2)
        {
            beside = GiveBack(nowMs, isUrgent: beside > room / 3 * 2) - used;
        }

        budget.Withhold(beside - room);
        if (nowMs - _relaxedAtMs >= _calm.TotalMilliseconds)
        {
            _relaxedAtMs = nowMs;
            budget.Relax();
        }
        else
        {
            budget.Settle();
        }

        Report(nowMs);
        return used > budget.Limit / 2 || beside > room / 2 ? _busy : _calm;
    }

    private void Report(long nowMs)
    {
        if (budget.Cuts > _cuts && nowMs - _reportedAtMs >= ReportEveryMs)
        {
            _reportedAtMs = nowMs;
            _cuts = budget.Cuts;
            DaemonLog.MemoryTight(log, budget.Limit >> 20, budget.Ceiling >> 10);
        }
    }

    /// <summary>Gives unused memory back to the system; returns what the process holds then.</summary>
    private long GiveBack(long nowMs, bool isUrgent)
    {
        if (isUrgent && nowMs - _collectedAtMs >= CollectEveryMs)
        {
            // Left alone the runtime lets the heap grow up to its limit before it looks at old objects.
            _collectedAtMs = nowMs;
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        }

        Trim();
        return ReadHeld();
    }

    // What the kernel holds in sockets for apps that do not read counts, too, but only the group's account shows it.
    private long ReadHeld() => plan.IsGroup && CgroupMemory.Held() is > 0 and long held ? held : ReadOwnBytes();

    // A freed block in the middle of the allocator's heap stays resident until it is told.
    private static void Trim()
    {
        try
        {
            if (_hasTrim)
            {
                _ = malloc_trim(0);
            }
        }
        catch (EntryPointNotFoundException)
        {
            _hasTrim = false; // not this C library's
        }
    }

    private static long ReadOwnBytes()
    {
        try
        {
            string[] pages = File.ReadAllText("/proc/self/statm").Split(' ');
            long own = long.Parse(pages[ResidentField], CultureInfo.InvariantCulture)
                - long.Parse(pages[SharedField], CultureInfo.InvariantCulture);
            return own * Environment.SystemPageSize;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 0; // a jail without /proc
        }
    }

    [LibraryImport("libc")]
    private static partial int malloc_trim(nuint keep);
}
