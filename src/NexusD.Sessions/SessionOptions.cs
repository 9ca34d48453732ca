using NexusD.Protocol;

namespace NexusD.Sessions;

/// <summary>What sessions tell their clients and the bounds they keep (docs/protocol/app-v1.md "Limits").</summary>
public sealed record SessionOptions
{
    public required NodeId NodeId { get; init; }

    /// <summary>At most 64 bytes of UTF-8.</summary>
    public string NodeName { get; init; } = "";

    /// <summary>At most 64 bytes of UTF-8.</summary>
    public string Cluster { get; init; } = "";

    /// <summary>At most 64 bytes of UTF-8.</summary>
    public string DaemonVersion { get; init; } = "";

    /// <summary>Sessions at a time, at least 1.</summary>
    public int MaxSessions { get; init; } = 10_000;

    /// <summary>Subscriptions open at once in one session, at least 1.</summary>
    public int MaxSubscriptions { get; init; } = 1_000_000;

    /// <summary>Longest payload in bytes, 1 to 256 MiB; a frame may be 65,792 bytes longer.</summary>
    public int MaxPayloadBytes { get; init; } = ProtocolLimits.DefaultMaxPayloadBytes;

    /// <summary>Aliases that a client may declare, at least 1; 8 bytes each.</summary>
    public int MaxAliases { get; init; } = ProtocolLimits.LargestMaxAliases;

    /// <summary>How many times the default bounds of its queue a subscription may ask for.</summary>
    internal const int LargestQueueFactor = 16;

    /// <summary>Bound of a subscription's queue in events where it asks for none, at least 1.</summary>
    public int QueueEvents { get; init; } = 65_536;

    /// <summary>Bound of a subscription's queue in bytes where it asks for none, at least 65,536.</summary>
    public long QueueBytes { get; init; } = 16 * 1024 * 1024;

    /// <summary>What a full queue does where the subscription does not say.</summary>
    public OverflowPolicy Overflow { get; init; } = OverflowPolicy.DropOldest;

    /// <summary>
    /// How long a full queue holds a publisher up where the subscription does not say, zero to
    /// <see cref="MaxBlockTimeout"/>.
    /// </summary>
    public TimeSpan BlockTimeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Longest time for which a full queue holds a publisher up.</summary>
    public static readonly TimeSpan MaxBlockTimeout = TimeSpan.FromMinutes(10);

    /// <summary>
    /// Longest time for which a subscription is kept without its connection, or paused; zero: none is kept.
    /// </summary>
    public TimeSpan KeepLimit { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Most subscriptions that are kept without their connection at a time, at least 0.</summary>
    public int MaxKept { get; init; } = 1_000;

    /// <summary>Most bytes that these hold together.</summary>
    public long MaxKeptBytes { get; init; } = 256 * 1024 * 1024;

    /// <summary>Longest <see cref="KeepLimit"/>.</summary>
    public static readonly TimeSpan LargestKeepLimit = TimeSpan.FromDays(7);

    /// <summary>Time for greeting and HELLO.</summary>
    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Within this time 64 KiB, or the rest, has to come of a frame under way that is longer than 4 KiB; else the
    /// session is ended, since the memory for such a frame is held from its first bytes on.
    /// </summary>
    public TimeSpan FrameTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>A session that sends nothing for so long is ended; zero: never.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.Zero;

    /// <summary>Longest frame in bytes, its length field included.</summary>
    internal int MaxFrameBytes => MaxPayloadBytes + ProtocolLimits.FrameOverheadBytes;

    /// <summary>Throws when a value is out of its range.</summary>
    internal void Check()
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxSessions);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxSubscriptions);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxPayloadBytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxPayloadBytes, 256 * 1024 * 1024);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxAliases);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(QueueEvents);
        ArgumentOutOfRangeException.ThrowIfLessThan(QueueBytes, 64 * 1024);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((byte)Overflow, (byte)OverflowPolicy.Conflate);
        ArgumentOutOfRangeException.ThrowIfLessThan(BlockTimeout, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(BlockTimeout, MaxBlockTimeout);
        ArgumentOutOfRangeException.ThrowIfLessThan(KeepLimit, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(KeepLimit, LargestKeepLimit);
        ArgumentOutOfRangeException.ThrowIfNegative(MaxKept);
        ArgumentOutOfRangeException.ThrowIfNegative(MaxKeptBytes);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(HandshakeTimeout, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(FrameTimeout, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(FrameTimeout, TimeSpan.FromHours(1));
        ArgumentOutOfRangeException.ThrowIfLessThan(IdleTimeout, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(IdleTimeout.TotalMilliseconds, uint.MaxValue);
    }
}
