using NexusD.Protocol;

namespace NexusdClient;

/// <summary>
/// Events that a subscription would have got and did not: <see cref="Count"/> events of <see cref="Publisher"/> with
/// numbers from <see cref="From"/> to <see cref="To"/>, both included (docs/protocol/app-v1.md, GAP).
/// </summary>
/// <param name="Filters">Filters of the subscription that lost them.</param>
/// <param name="Publisher">Publisher id; 0: several publishers, then only the count is exact.</param>
/// <param name="From">First number of the range.</param>
/// <param name="To">Last number of the range.</param>
/// <param name="Count">Events lost within the range.</param>
/// <param name="Reason">Why they were dropped.</param>
/// <param name="Where">Name of the node that dropped them.</param>
public sealed record EventGap(
    IReadOnlyList<string> Filters, ulong Publisher, ulong From, ulong To, ulong Count, DropReason Reason, string Where)
{
    /// <summary>
    /// True when <see cref="Count"/> may be too high: the events were published while this client was away, and not all
    /// of those numbers need have matched the filters. See docs/protocol/app-v1.md, "Resuming".
    /// </summary>
    public bool IsUpperBound => Reason == DropReason.Missed;
}
