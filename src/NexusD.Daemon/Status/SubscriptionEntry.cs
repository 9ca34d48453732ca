using NexusD.Protocol;
using NexusD.Sessions;

namespace NexusD.Daemon.Status;

/// <summary>A subscription of an app: matched = delivered + queued + the sum of what was dropped.</summary>
internal sealed record SubscriptionEntry
{
    public required uint Id { get; init; }

    /// <summary>One of its filters.</summary>
    public required string Filter { get; init; }

    public required int Filters { get; init; }

    public required string Overflow { get; init; }

    public required long Matched { get; init; }

    public required long Delivered { get; init; }

    public required int Queued { get; init; }

    public required long QueuedBytes { get; init; }

    /// <summary>Publishers that wait for room.</summary>
    public required int HeldPublishers { get; init; }

    /// <summary>
    /// <c>open</c>; <c>kept</c>: it waits without a connection; <c>paused</c>: its app asked it to wait.
    /// </summary>
    public required string State { get; init; }

    /// <summary>How long it is kept when its connection breaks; null: it is not.</summary>
    public uint? KeepMs { get; init; }

    /// <summary>How long it has been kept or paused; null: it is not.</summary>
    public long? WaitsForMs { get; init; }

    /// <summary>How long it waits yet; null: it does not.</summary>
    public long? WaitsYetMs { get; init; }

    /// <summary>Events that were sent and are not confirmed; null: it is not to be kept.</summary>
    public int? Unconfirmed { get; init; }

    /// <summary>Events dropped by reason; reasons with none are left out.</summary>
    public required IReadOnlyDictionary<string, long> Dropped { get; init; }

    public static SubscriptionEntry From(SubscriptionSnapshot subscription) => new()
    {
        Id = subscription.Id,
        Filter = subscription.Filter,
        Filters = subscription.Filters,
        Overflow = subscription.Policy.ToWireName(),
        Matched = subscription.Matched,
        Delivered = subscription.Delivered,
        Queued = subscription.QueuedEvents,
        QueuedBytes = subscription.QueuedBytes,
        HeldPublishers = subscription.HeldPublishers,
        State = subscription.Kept switch
        {
            { IsDetached: true } => "kept",
            { IsPaused: true } => "paused",
            _ => "open",
        },
        KeepMs = subscription.Kept?.KeepMs,
        WaitsForMs = subscription.Kept is { LeftMs: > 0 } waits ? waits.ForMs : null,
        WaitsYetMs = subscription.Kept is { LeftMs: > 0 } left ? left.LeftMs : null,
        Unconfirmed = subscription.Kept?.UnconfirmedEvents,
        Dropped = ClientEntry.DropsOf(subscription.DroppedEvents),
    };
}
