using System.Diagnostics;
using System.Globalization;

namespace NexusD.QuicBench;

/// <summary>
/// What a process used between <see cref="Start"/> and <see cref="Report"/>: time, CPU, memory, collections.
/// </summary>
internal sealed class Figures
{
    private long _startedAt;
    private TimeSpan _cpuBefore;
    private int _collectionsBefore;
    private long _allocatedBefore;

    public bool Started { get; private set; }

    public double Seconds => Stopwatch.GetElapsedTime(_startedAt).TotalSeconds;

    public void Start()
    {
        Started = true;
        _collectionsBefore = Collections();
        _allocatedBefore = GC.GetTotalAllocatedBytes();
        _cpuBefore = Environment.CpuUsage.TotalTime;
        _startedAt = Stopwatch.GetTimestamp();
    }

    /// <summary>One line for <paramref name="bytes"/> transferred.</summary>
    public string Report(string role, long bytes)
    {
        double seconds = Seconds;
        double cpu = (Environment.CpuUsage.TotalTime - _cpuBefore).TotalSeconds;
        double gigabytes = bytes / 1e9;
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{role,-8} {bytes / 1e6 / seconds,8:F0} MB/s  {cpu / Math.Max(gigabytes, 1e-9),6:F2} CPU-s/GB  " +
            $"rss {Environment.WorkingSet / 1e6,6:F1} MB  GCs {Collections() - _collectionsBefore}  " +
            $"allocated {(GC.GetTotalAllocatedBytes() - _allocatedBefore) / 1024} KiB");
    }

    private static int Collections() => GC.CollectionCount(0);
}
