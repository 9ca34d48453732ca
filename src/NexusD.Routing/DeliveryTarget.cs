using NexusD.Protocol;
using NexusD.Routing.Groups;
using NexusD.Routing.Trie;

namespace NexusD.Routing;

/// <summary>What events are delivered to: a subscription of an application, or the link to a peer.</summary>
/// <remarks>
/// Called on the router's thread. Implementations must not throw and must not publish; what they cannot take they drop
/// and count. A target may take its own subscriptions or link away while it is served; the run under way may still
/// reach other targets of the same owner. The internal fields are the router's notes on the target; they live here
/// because one look-up per target and run would cost more than the delivery.
/// </remarks>
public abstract class DeliveryTarget
{
    /// <summary>Takes a run that matches; <paramref name="run"/> is borrowed for the call.</summary>
    public abstract void Deliver(in EventRun run, ref RouteEntry entry);

    /// <summary>
    /// Takes a retained event that a peer sent to repair the store; <paramref name="run"/> is borrowed for the call.
    /// </summary>
    /// <returns>Whether it is wanted here; not where it was had, or is older than what is wanted.</returns>
    public virtual bool DeliverRepaired(in EventRun run, ref RouteEntry entry)
    {
        Deliver(run, ref entry);
        return true;
    }

    /// <summary>
    /// Takes a run that is for members of groups at the other end, which a link passes on; others are never asked.
    /// </summary>
    /// <param name="run">The run; borrowed for the call.</param>
    /// <param name="entry">As in <see cref="Deliver"/>.</param>
    /// <param name="members">Numbers of the members; 1 to 64.</param>
    /// <param name="membersOnly">The run is for nobody else there.</param>
    /// <param name="redirects">How often it was sent on since its first member was gone.</param>
    public virtual void DeliverToMembers(
        in EventRun run, ref RouteEntry entry, ReadOnlySpan<uint> members, bool membersOnly, int redirects) =>
        throw new NotSupportedException("only a link has members behind it");

    /// <summary>Bytes that wait here, for groups whose members share by load; roughly.</summary>
    public virtual long PendingBytes => 0;

    /// <summary>Takes the news that events were lost on their way here.</summary>
    public abstract void DeliverGap(in GapNotice gap);

    /// <summary>
    /// Takes the news that a run that matches was dropped at this node before it came here; borrowed for the call.
    /// </summary>
    /// <param name="run">The run.</param>
    /// <param name="reason">Why.</param>
    /// <param name="where">Name of this node.</param>
    public virtual void DeliverLoss(in EventRun run, DropReason reason, string where) => DeliverGap(
        new GapNotice(run.Publisher, run.Number, run.LastNumber, (ulong)run.Count, reason, where));

    /// <summary>The filters under which the target stands in its trie.</summary>
    internal Memberships Memberships;

    /// <summary>Its memberships in groups; those behind it where it is a link. Null when there are none.</summary>
    internal MemberSet? Members;

    /// <summary>Equal to the router's current stamp when the target was met in the walk that is under way.</summary>
    internal ulong Stamp;

    /// <summary>Where the target stood in the former route of the topic that is being resolved.</summary>
    internal int FormerIndex;

    /// <summary>Place in the router's list of subscribed targets or links; -1: none.</summary>
    internal int Slot = -1;

    /// <summary>True while the target is a link that was added to the router.</summary>
    internal bool IsLink;

    /// <summary>True while the link wants every event whatever its topic.</summary>
    internal bool WantsEverything;
}
