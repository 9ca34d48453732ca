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
        Dropped = ClientEntry.DropsOf(subscription.DroppedEvents),
    };
}
