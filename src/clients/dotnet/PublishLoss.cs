using NexusD.Protocol;

namespace NexusdClient;

/// <summary>
/// Deliveries of events that this client published and that its daemon dropped: <see cref="Count"/> of events with
/// numbers from <see cref="From"/> to <see cref="To"/>, both included (docs/protocol/app-v1.md, NOTICE). An event
/// dropped for three subscriptions counts three. Losses at other nodes are told to the subscribers there.
/// </summary>
/// <param name="Publisher">Publisher id of this client.</param>
/// <param name="From">First number of the range.</param>
/// <param name="To">Last number of the range.</param>
/// <param name="Count">Deliveries lost within the range.</param>
/// <param name="Reason">Why they were dropped.</param>
/// <param name="Where">Name of the node that dropped them.</param>
public sealed record PublishLoss(
    ulong Publisher, ulong From, ulong To, ulong Count, DropReason Reason, string Where);
