using NexusD.Protocol;

namespace NexusdClient;

/// <summary>How one subscription is served. The defaults fit most uses.</summary>
public sealed class SubscribeOptions
{
    /// <summary>Whether the retained events that match come first.</summary>
    public bool ReceiveRetained { get; init; } = true;

    /// <summary>
    /// Whether the daemon is asked, after a reconnect to it or to another one, for what was published meanwhile: as far
    /// as its recovery rings hold it, it comes with <see cref="Message.IsReplayed"/>; the rest is told as a gap.
    /// </summary>
    public bool ResumeAfterReconnect { get; init; } = true;

    /// <summary>
    /// Bytes of deliveries that may wait in this process for the reader of the subscription; at least 65,536. When it
    /// is full the daemon keeps further events in its own queue; other subscriptions go on.
    /// </summary>
    public int ReceiveBufferBytes { get; init; } = 1 << 20;

    /// <summary>Events that the daemon may queue; 0: the daemon's default (65,536); at most 16 times that.</summary>
    public int QueueEvents { get; init; }

    /// <summary>Bytes that the daemon may queue; 0: the daemon's default (16 MiB); at most 16 times that.</summary>
    public int QueueBytes { get; init; }

    /// <summary>
    /// What the daemon does when its queue is full; null: its default (drop-oldest, if nobody changed it). See
    /// docs/protocol/app-v1.md, "When a subscription does not keep up".
    /// </summary>
    public OverflowPolicy? Overflow { get; init; }

    /// <summary>
    /// How long <see cref="OverflowPolicy.Block"/> holds a publisher up, zero to 10 minutes; null: the daemon's default
    /// (1 s).
    /// </summary>
    public TimeSpan? BlockTimeout { get; init; }

    /// <summary>
    /// Name of a group to be a member of: each event goes to one of the group's members only, wherever in the mesh they
    /// are. Short for filters <c>$share/GROUP/FILTER</c>. Null: no group. 1 to 64 bytes without / + # *.
    /// </summary>
    public string? Group { get; init; }

    /// <summary>
    /// How the members of a group are chosen; null: no opinion, which comes to <see cref="GroupStrategy.Sticky"/>. Give
    /// all members the same.
    /// </summary>
    public GroupStrategy? Strategy { get; init; }

    /// <summary>Longest <see cref="BlockTimeout"/>.</summary>
    public static readonly TimeSpan MaxBlockTimeout = TimeSpan.FromMinutes(10);

    /// <summary>Least value of <see cref="ReceiveBufferBytes"/>.</summary>
    public const int MinReceiveBufferBytes = 65_536;

    internal static SubscribeOptions Default { get; } = new();

    internal void Check()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(
            ReceiveBufferBytes, MinReceiveBufferBytes, nameof(ReceiveBufferBytes));
        if (Overflow is { } policy)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThan(
                (byte)policy, (byte)OverflowPolicy.Conflate, nameof(Overflow));
        }

        if (BlockTimeout is { } timeout)
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(timeout, TimeSpan.Zero, nameof(BlockTimeout));
            ArgumentOutOfRangeException.ThrowIfGreaterThan(timeout, MaxBlockTimeout, nameof(BlockTimeout));
        }

        if (Strategy is { } strategy)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThan(
                (byte)strategy, (byte)GroupStrategy.LocalFirst, nameof(Strategy));
        }

        ArgumentOutOfRangeException.ThrowIfNegative(QueueEvents, nameof(QueueEvents));
        ArgumentOutOfRangeException.ThrowIfNegative(QueueBytes, nameof(QueueBytes));
    }
}
