using NexusD.Protocol;

namespace NexusD.Sessions;

/// <summary>
/// A session whose input is paused because a run of its did not fit into a subscription's queue; see
/// <see cref="OverflowPolicy.Block"/>. Ends when the queue is relieved, at the deadline, or with either session.
/// </summary>
/// <param name="session">Who is held up.</param>
/// <param name="subscription">Whose queue is full.</param>
/// <param name="publisherId">Publisher of the run.</param>
/// <param name="lastNumber">Number of the last event of the run.</param>
/// <param name="priority">Class of the run.</param>
/// <param name="dueNs">When it has waited long enough, in loop time.</param>
internal sealed class HeldPublisher(
    AppSession session, Subscription subscription, ulong publisherId, ulong lastNumber, Priority priority, long dueNs)
{
    public AppSession Session => session;

    public Subscription Subscription => subscription;

    public ulong PublisherId => publisherId;

    public ulong LastNumber => lastNumber;

    public Priority Priority => priority;

    public long DueNs => dueNs;
}
