namespace NexusD.Routing;

/// <summary>
/// Hybrid logical clock: 48 bits of milliseconds since 1970-01-01 UTC, 16 bits that order what happens within one
/// (docs/protocol/README.md, "Timestamps"). Wall time is passed in.
/// </summary>
/// <remarks>
/// Invariant: every value returned by <see cref="Tick"/> is greater than every one before it and than every remote
/// value that was followed, however the wall clock jumps. More than 65,536 ticks in a millisecond run on into the next.
/// For one thread.
/// </remarks>
public sealed class HybridClock
{
    /// <summary>How far a remote clock may be ahead of the wall clock and still be followed, in milliseconds.</summary>
    public const long MaxAheadMs = 60_000;

    private const int CounterBits = 16;
    private const long MaxUnixMs = (1L << 48) - 1;

    private long _refused;

    /// <summary>The value last returned or followed; 0 before the first.</summary>
    public ulong Last { get; private set; }

    /// <summary>Remote values that were too far ahead to be followed.</summary>
    public long RefusedRemoteValues => Volatile.Read(ref _refused);

    /// <summary>Milliseconds since 1970-01-01 UTC in a clock value.</summary>
    public static long UnixMs(ulong timestamp) => (long)(timestamp >> CounterBits);

    /// <summary>The first clock value of a millisecond.</summary>
    public static ulong FromUnixMs(long unixMs) => (ulong)Math.Clamp(unixMs, 0, MaxUnixMs) << CounterBits;

    /// <summary>Whether a time to live that began at a timestamp is over.</summary>
    public static bool IsExpired(ulong timestamp, uint timeToLiveMs, ulong nowHlc) =>
        UnixMs(timestamp) + timeToLiveMs < UnixMs(nowHlc);

    /// <summary>What time it is for comparisons with timestamps, without ticking.</summary>
    public ulong Now(long unixMs) => Math.Max(Last, FromUnixMs(unixMs));

    /// <summary>The timestamp of something that happens now.</summary>
    public ulong Tick(long unixMs) => Last = Math.Max(FromUnixMs(unixMs), Last + 1);

    /// <summary>Takes note of another node's clock, so that what happens here from now on is later.</summary>
    /// <returns>
    /// False when it is more than <see cref="MaxAheadMs"/> ahead; it is then counted and not followed.
    /// </returns>
    public bool Observe(ulong remote, long unixMs)
    {
        if (UnixMs(remote) > Math.Clamp(unixMs, 0, MaxUnixMs) + MaxAheadMs)
        {
            Volatile.Write(ref _refused, _refused + 1);
            return false;
        }

        Last = Math.Max(Last, remote);
        return true;
    }
}
