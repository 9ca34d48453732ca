using System.Numerics;

namespace NexusdBench;

/// <summary>
/// Counts durations in buckets whose width is at most 1/64 of their value, from 1 ns to years, without allocating. One
/// thread records; merge when it is done.
/// </summary>
internal sealed class LatencyHistogram
{
    private const int SubBits = 7; // 128 buckets below the first doubling, 64 in each further one
    private const int Half = 1 << (SubBits - 1);

    private readonly long[] _counts = new long[Half * (64 - SubBits + 2)];

    internal long Count { get; private set; }

    internal long MaxNs { get; private set; }

    internal void Record(long nanoseconds)
    {
        var value = Math.Max(nanoseconds, 0);
        _counts[IndexOf(value)]++;
        Count++;
        MaxNs = Math.Max(MaxNs, value);
    }

    internal void Add(LatencyHistogram other)
    {
        for (var i = 0; i < _counts.Length; i++)
        {
            _counts[i] += other._counts[i];
        }

        Count += other.Count;
        MaxNs = Math.Max(MaxNs, other.MaxNs);
    }

    /// <summary>The value that so many of the recorded ones do not exceed; 0 when nothing was recorded.</summary>
    /// <param name="part">From 0 to 1.</param>
    internal long Percentile(double part)
    {
        var wanted = Math.Max(1, (long)Math.Ceiling(part * Count));
        long seen = 0;
        for (var i = 0; i < _counts.Length; i++)
        {
            seen += _counts[i];
            if (seen >= wanted)
            {
                return Math.Min(UpperEdge(i), MaxNs);
            }
        }

        return 0;
    }

    private static int IndexOf(long value)
    {
        var shift = Math.Max(0, 64 - SubBits - BitOperations.LeadingZeroCount((ulong)value));
        return (shift * Half) + (int)(value >> shift);
    }

    private static long UpperEdge(int index)
    {
        var shift = Math.Max(0, (index / Half) - 1);
        return ((long)(index - (shift * Half) + 1) << shift) - 1;
    }
}
