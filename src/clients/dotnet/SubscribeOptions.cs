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
    /// How long the daemon keeps the subscription when its connection breaks: it goes on to queue, and what was on its
    /// way comes again, so that a reconnect within that time loses nothing inside the queue's bounds. Whole
    /// milliseconds, more than zero; the daemon's <c>--keep-limit</c> may shorten it. Null: it ends with its
    /// connection.
    /// </summary>
    public TimeSpan? KeepFor { get; init; }

    /// <summary>
    /// Goes on with a kept subscription of another client or process: its <see cref="SubscriptionBase.ResumeToken"/>.
    /// The filters must be the same, and <see cref="KeepFor"/> must be set. What that one had not confirmed, which is
    /// what its reader had not come back for, comes again with <see cref="Message.IsReplayed"/>. If the daemon no
    /// longer has it a new subscription begins, and <see cref="Client.ServerNotice"/> tells.
    /// </summary>
    public string? ResumeToken { get; init; }

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

    internal bool IsKept => KeepFor is not null;

    internal byte[] TokenBytes => ResumeToken is null ? [] : Convert.FromHexString(ResumeToken);

    internal void Check()
    {
        CheckKeep();
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

    private void CheckKeep()
    {
        if (KeepFor is { } keep)
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(keep, TimeSpan.FromMilliseconds(1), nameof(KeepFor));
            ArgumentOutOfRangeException.ThrowIfGreaterThan(keep, SubscriptionBase.MaxPause, nameof(KeepFor));
            ArgumentOutOfRangeException.ThrowIfGreaterThan(
                ReceiveBufferBytes, ProtocolLimits.MaxKeptCreditBytes, nameof(ReceiveBufferBytes));
        }

        if (ResumeToken is not { } token)
        {
            return;
        }

        if (token.Length != 2 * ProtocolLimits.KeepTokenBytes || !token.All(char.IsAsciiHexDigit))
        {
            throw new ArgumentException(
                "ResumeToken is no token: it has 32 hexadecimal digits, as Subscription.ResumeToken gave it.");
        }

        if (KeepFor is null)
        {
            throw new ArgumentException("ResumeToken needs KeepFor: the subscription is kept again from here on.");
        }
    }
}
