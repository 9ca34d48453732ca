using System.Numerics;

namespace NexusD.Buffers;

/// <summary>
/// How many lines of events hold how many bytes, in classes of powers of two: enough to find the ceiling that takes
/// most from those who hold most, in one pass over any number of them.
/// </summary>
public sealed class MemoryLevels
{
    private readonly long[] _lines = new long[64];
    private readonly long[] _bytes = new long[64];

    /// <summary>What all lines hold.</summary>
    public long Total { get; private set; }

    /// <summary>Takes a line into account.</summary>
    public void Add(long bytes)
    {
        if (bytes > 0)
        {
            int level = BitOperations.Log2((ulong)bytes);
            _lines[level]++;
            _bytes[level] += bytes;
            Total += bytes;
        }
    }

    /// <summary>The highest power of two, at least <paramref name="least"/>, to which lines are to be cut.</summary>
    /// <param name="wanted">Bytes that the cut should free.</param>
    /// <param name="least">The ceiling if that cannot be had.</param>
    public long CeilingToFree(long wanted, long least)
    {
        long lines = 0;
        long bytes = 0;
        for (int level = _lines.Length - 2; level > 0; level--)
        {
            lines += _lines[level];
            bytes += _bytes[level];
            long ceiling = 1L << level;
            if (ceiling <= least)
            {
                break;
            }

            if (bytes - (lines * ceiling) >= wanted)
            {
                return ceiling;
            }
        }

        return least;
    }

    internal void Clear()
    {
        Total = 0;
        Array.Clear(_lines);
        Array.Clear(_bytes);
    }
}
