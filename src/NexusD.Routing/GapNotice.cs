using NexusD.Protocol;

namespace NexusD.Routing;

/// <summary>Tells that events were lost before they reached a target (GAP frame).</summary>
/// <param name="Publisher">Whose events; 0: many publishers, then only <paramref name="Count"/> is exact.</param>
/// <param name="From">Number of the first lost event; 0 with publisher 0.</param>
/// <param name="To">Number of the last lost event; others in between may have been delivered.</param>
/// <param name="Count">How many events were lost, at least 1.</param>
/// <param name="Reason">Why.</param>
/// <param name="Where">Name of the node that dropped them.</param>
public readonly record struct GapNotice(
    ulong Publisher, ulong From, ulong To, ulong Count, DropReason Reason, string Where);
