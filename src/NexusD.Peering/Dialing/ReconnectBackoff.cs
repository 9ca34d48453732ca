namespace NexusD.Peering.Dialing;

/// <summary>
/// How long to wait between two tries of an address. In: random numbers, the time, and what happened. Out: a delay.
/// </summary>
/// <remarks>
/// Exponential with full jitter: the n-th delay is uniform in [0, min(longest, first * 2^n)], never below a floor that
/// keeps a refused address from being hammered. While a link to the address was lost only a while ago the ceiling is a
/// short one: a daemon that was killed and comes back must be part of the mesh within a second of being ready, and at
/// such a time a try costs one datagram a few times a second.
/// </remarks>
internal sealed class ReconnectBackoff(Random random, MeshOptions options)
{
    private const long FloorNs = 20_000_000;
    private const int MostDoublings = 30;

    private readonly long _firstNs = ToNs(options.RetryMin);
    private readonly long _longestNs = ToNs(options.RetryMax);
    private readonly long _quickLongestNs = ToNs(options.QuickRetryMax);
    private readonly long _quickForNs = ToNs(options.QuickRetryFor);
    private int _tries;
    private long _quickUntilNs = long.MinValue;

    /// <summary>Tries since the last reset.</summary>
    public int Tries => _tries;

    /// <summary>The delay before the next try, nanoseconds.</summary>
    public long NextDelayNs(long nowNs)
    {
        long ceiling = Math.Min(_longestNs, _firstNs << Math.Min(_tries, MostDoublings));
        ceiling = ceiling < _firstNs ? _longestNs : ceiling; // the shift ran over
        _tries++;
        if (nowNs < _quickUntilNs)
        {
            ceiling = Math.Min(ceiling, _quickLongestNs);
        }

        return Math.Max(FloorNs, (long)(random.NextDouble() * ceiling));
    }

    /// <summary>The address proved to be alive: start from the first delay.</summary>
    public void Reset() => _tries = 0;

    /// <summary>A link that had lived was lost: keep the delays short for a while.</summary>
    public void LinkLost(long nowNs)
    {
        _tries = 0;
        _quickUntilNs = nowNs + _quickForNs;
    }

    /// <summary>The address answers and refuses: no short delays.</summary>
    public void Refused() => _quickUntilNs = long.MinValue;

    private static long ToNs(TimeSpan span) => span.Ticks * 100;
}
