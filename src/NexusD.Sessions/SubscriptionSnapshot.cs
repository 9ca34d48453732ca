using NexusD.Protocol;

namespace NexusD.Sessions;

/// <summary>
/// A subscription as it was at one moment. Always: Matched = Delivered + QueuedEvents + dropped of all reasons.
/// </summary>
/// <param name="Id">The client's number for it.</param>
/// <param name="Filter">One of its filters.</param>
/// <param name="Filters">How many filters it has.</param>
/// <param name="Policy">What happens when its queue is full.</param>
/// <param name="Matched">Events that it should get.</param>
/// <param name="Delivered">Events written to the client.</param>
/// <param name="QueuedEvents">Events that wait.</param>
/// <param name="QueuedBytes">Bytes that these count.</param>
/// <param name="DroppedEvents">Events dropped, indexed by <see cref="DropReason"/>; empty when none were.</param>
/// <param name="HeldPublishers">Publishers that wait for room.</param>
public sealed record SubscriptionSnapshot(
    uint Id,
    string Filter,
    int Filters,
    OverflowPolicy Policy,
    long Matched,
    long Delivered,
    int QueuedEvents,
    long QueuedBytes,
    IReadOnlyList<long> DroppedEvents,
    int HeldPublishers)
{
    /// <summary>Of one that can outlive its connection; null: it cannot.</summary>
    public KeptSnapshot? Kept { get; init; }
}
