using NexusD.Peering.Links;

namespace NexusD.Peering;

/// <content>How the node joins: until it knows what the others want, events of this node would reach nobody.</content>
public sealed partial class Mesh
{
    private const long JoinLookNs = 20_000_000;

    private Action<bool>? _joined;
    private long _joinNotBeforeNs;
    private long _joinDueNs = long.MaxValue;

    /// <summary>
    /// Says when the node has joined: every peer that can be reached at an address known so far, or that has dialed
    /// this node, is linked and has told all that it wants.
    /// </summary>
    /// <param name="window">Time in which peers may still become known; the node has not joined before.</param>
    /// <param name="deadline">Time after which it counts as joined whatever is missing.</param>
    /// <param name="joined">Runs once, on the loop's thread; true: no peer is missing.</param>
    public void Join(TimeSpan window, TimeSpan deadline, Action<bool> joined)
    {
        long nowNs = _context.Loop.NowNs;
        _joined = joined;
        _joinDueNs = nowNs + (deadline.Ticks * 100);
        _joinNotBeforeNs = Math.Min(nowNs + (window.Ticks * 100), _joinDueNs);
        WakeBy(nowNs);
    }

    private long TickJoin(long nowNs)
    {
        if (_joined is not { } joined)
        {
            return long.MaxValue;
        }

        if (nowNs < _joinNotBeforeNs)
        {
            return _joinNotBeforeNs;
        }

        bool isComplete = IsNobodyMissing;
        if (!isComplete && nowNs < _joinDueNs)
        {
            return Math.Min(_joinDueNs, nowNs + JoinLookNs);
        }

        _joined = null;
        joined(isComplete);
        return long.MaxValue;
    }

    private bool IsNobodyMissing
    {
        get
        {
            foreach (PeerLink link in _links)
            {
                bool isOnItsWay = link.Phase == LinkPhase.AwaitingHello
                    || (link.Phase == LinkPhase.Connecting && !link.IsDialed);
                if (isOnItsWay || (link.IsUp && !link.IsPeerLeaving && !link.Channel!.Interest.IsWhole))
                {
                    return false;
                }
            }

            return _dialer.HasTriedAll;
        }
    }
}
