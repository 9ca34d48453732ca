using NexusD.Peering.Dialing;
using NexusD.Peering.Links;

namespace NexusD.Peering;

/// <content>How the node leaves: what peers are still to get is flushed, also to those that are out of reach.</content>
public sealed partial class Mesh
{
    private const string LeavingSource = "leaving";

    private long _leaveDueNs = long.MaxValue;
    private Action? _left;
    private bool _leaving;

    /// <summary>
    /// Leaves the mesh: tells every peer, sends what is queued until it is acknowledged, and closes. Peers without a
    /// link for which something is held are dialed, and taken in when they dial, until they have it. Call it when no
    /// application publishes any more.
    /// </summary>
    /// <param name="deadline">What no peer has acknowledged by then is given up, counted and logged.</param>
    /// <param name="left">Runs once, on the loop's thread, when everything is closed.</param>
    public void Leave(TimeSpan deadline, Action left)
    {
        _leaving = true;
        _joined = null;
        _left = left;
        _leaveDueNs = _context.Loop.NowNs + (deadline.Ticks * 100);
        foreach (PeerLink link in _links.ToArray())
        {
            if (link.IsUp || !IsAwaitingPeers)
            {
                link.Leave();
            }
        }

        foreach (PeerChannel channel in _channels.Values)
        {
            channel.StopForwarding();
        }

        DialAwaited();
        _dialer.Narrow();
        WakeBy(_context.Loop.NowNs);
    }

    bool IDialHost.Wants(DialEndpoint endpoint)
    {
        if (!_leaving)
        {
            return true;
        }

        foreach (PeerChannel channel in _channels.Values)
        {
            if (channel.HoldsEvents
                && (channel.PeerId == endpoint.LeadsTo || endpoint.Address.Equals(channel.MeshAddress)))
            {
                return true;
            }
        }

        return false;
    }

    private bool HasNobodyToLeave => _byNode.Count == 0 && !IsAwaitingPeers;

    /// <summary>Whether a peer that has no link at the moment is still to get something.</summary>
    private bool IsAwaitingPeers
    {
        get
        {
            foreach (PeerChannel channel in _channels.Values)
            {
                if (channel.Link is null && channel.HoldsEvents)
                {
                    return true;
                }
            }

            return false;
        }
    }

    /// <summary>A node that leaves takes in only whom it has something for.</summary>
    private bool MayLinkWhileLeaving(PeerLink link)
    {
        DropFormerRun(link); // a process that was started anew does not get what was meant for the one before
        return _channels.TryGetValue(link.PeerId, out PeerChannel? channel) && channel.HoldsEvents;
    }

    /// <summary>Makes sure that awaited peers are dialed although discovery may have stopped to name them.</summary>
    private void DialAwaited()
    {
        foreach (PeerChannel channel in _channels.Values)
        {
            if (channel.Link is null && channel.HoldsEvents && channel.MeshAddress is { } address)
            {
                _dialer.Found(new PeerAddress(address.Address.ToString(), address.Port, LeavingSource));
            }
        }
    }
}
