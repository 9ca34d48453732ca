using System.Net;
using NexusD.Peering.Dialing;
using NexusD.Peering.Links;
using NexusD.Protocol;
using NexusD.Quic;

namespace NexusD.Peering;

/// <summary>Links: made, admitted, replaced, lost.</summary>
public sealed partial class Mesh : ILinkOwner, IDialHost
{
    /// <summary>A link that was up for so long shows that its address is good.</summary>
    private const long LivedNs = 1_000_000_000;

    int ILinkOwner.MeshPort => LocalEndPoint.Port;

    void ILinkOwner.WakeBy(long dueNs) => WakeBy(dueNs);

    void IDialHost.WakeBy(long dueNs) => WakeBy(dueNs);

    NodeId IDialHost.NodeAt(IPEndPoint address)
    {
        foreach (PeerLink link in _byNode.Values)
        {
            if (address.Equals(link.MeshAddress))
            {
                return link.PeerId;
            }
        }

        return default;
    }

    bool IDialHost.IsLinked(NodeId node) => _byNode.ContainsKey(node);

    IDialAttempt? IDialHost.Dial(DialTarget target, DialEndpoint endpoint)
    {
        if (_links.Count >= _context.Options.MaxLinks)
        {
            _context.Counters.LinksOverLimit++;
            return null;
        }

        var link = new PeerLink(_context, this, ++_lastLinkId, target, endpoint);
        _context.Counters.Dials++;
        _links.Add(link);
        link.Attach(_endpoint!.Connect(new QuicConnectOptions { Remote = endpoint.Address }, link));
        return link;
    }

    void ILinkOwner.Connected(PeerLink link)
    {
        if (link.IsDialed)
        {
            Dialer.Connected(link.Target!, link.Endpoint!, link);
        }
    }

    LinkFault ILinkOwner.Admit(PeerLink link)
    {
        if (_leaving && !MayLinkWhileLeaving(link))
        {
            return new LinkFault(ErrorCode.ShuttingDown, "the node is leaving");
        }

        if (link.IsDialed)
        {
            Dialer.Succeeded(link.Endpoint!, link, link.PeerId);
        }
        else if (link.MeshAddress is { } address)
        {
            _dialer.Seen(address, link.PeerId);
        }

        _byNode.TryGetValue(link.PeerId, out PeerLink? existing);
        if (existing is not null && !Prefers(link, existing))
        {
            return Decline(link, existing);
        }

        DropFormerRun(link);
        if (ChannelOf(link) is not { } channel)
        {
            return LinkFault.Malformed("a HELLO with other limits than the same process showed before");
        }

        _byNode[link.PeerId] = link;
        _context.Counters.LinksUp++;
        _context.Counters.LinksReplaced += existing is null ? 0 : 1;
        _interest.Flush(); // what changed in this turn goes to the others now and to this link with its snapshot
        link.GoUp(channel);
        _context.Options.Log.LinkUp(link.PeerName, link.Address, _engine, link.IsDialed);
        if (_leaving)
        {
            link.Leave();
        }

        WakeBy(_context.Loop.NowNs);
        return LinkFault.None;
    }

    void ILinkOwner.Gone(PeerLink link, LinkEnd end)
    {
        _links.Remove(link);
        if (link.WasUp)
        {
            _context.Counters.LinksDown++;
            if (_byNode.TryGetValue(link.PeerId, out PeerLink? current) && current == link)
            {
                Lose(link, end);
            }
        }
        else if (link.IsDialed)
        {
            EndTry(link, end);
        }

        WakeBy(_context.Loop.NowNs);
    }

    private void Lose(PeerLink link, in LinkEnd end)
    {
        _byNode.Remove(link.PeerId);
        if (_channels.TryGetValue(link.PeerId, out PeerChannel? channel))
        {
            channel.Detach();
            if (link.HasPeerLeft || link.HasBrokenRules || (_leaving && !channel.HoldsEvents))
            {
                End(channel, _leaving ? DropReason.LinkDown : DropReason.LinkLost);
            }
        }

        if (link.HasPeerLeft)
        {
            _context.Options.Log.PeerLeft(link.PeerName, link.Address);
        }
        else
        {
            _context.Options.Log.LinkDown(link.PeerName, link.Address, end.Reason);
        }

        bool yields = _context.Options.NodeId > link.PeerId;
        _dialer.LinkLost(link.PeerId, link.UpForNs >= LivedNs, yields);
        if (_leaving)
        {
            DialAwaited();
        }
    }

    /// <summary>What there is with the process behind a link; null when it shows other limits than before.</summary>
    private PeerChannel? ChannelOf(PeerLink link)
    {
        if (_channels.TryGetValue(link.PeerId, out PeerChannel? channel))
        {
            return channel.Knows(link) ? channel : null;
        }

        if (_channels.Count >= _context.Options.MaxLinks)
        {
            ForgetLongestAway();
        }

        channel = new PeerChannel(_context, link.PeerId);
        _channels.Add(link.PeerId, channel);
        return channel;
    }

    private void ForgetLongestAway()
    {
        PeerChannel? longest = null;
        foreach (PeerChannel channel in _channels.Values)
        {
            if (channel.Link is null && (longest is null || channel.DownSinceNs < longest.DownSinceNs))
            {
                longest = channel;
            }
        }

        if (longest is not null)
        {
            End(longest, DropReason.LinkDown);
        }
    }

    private void End(PeerChannel channel, DropReason unsent)
    {
        if (!_channels.Remove(channel.PeerId))
        {
            return; // ended with its link
        }

        long lost = channel.End(unsent);
        if (lost > 0)
        {
            _context.Options.Log.EventsGivenUp(channel.PeerName, lost);
        }

        _context.Counters.Add(channel.Ledger);
    }

    private PeerLink? Accept(IQuicConnection connection)
    {
        bool isWanted = !_leaving || IsAwaitingPeers;
        if (!isWanted || _links.Count >= _context.Options.MaxLinks)
        {
            _context.Counters.LinksOverLimit += isWanted ? 1 : 0;
            return null;
        }

        var link = new PeerLink(_context, this, ++_lastLinkId, null, null);
        _links.Add(link);
        return link;
    }

    /// <summary>The verdict on two links to one node; both nodes come to the same.</summary>
    private bool Prefers(PeerLink link, PeerLink existing)
    {
        if (link.IsDialed == existing.IsDialed)
        {
            return link.DialedAt >= existing.DialedAt;
        }

        bool weAreSmaller = _context.Options.NodeId < link.PeerId;
        return link.IsDialed == weAreSmaller;
    }

    /// <summary>Refuses a link in favour of one that is up already.</summary>
    private static LinkFault Decline(PeerLink link, PeerLink existing)
    {
        if (!link.IsDialed)
        {
            return new LinkFault(ErrorCode.DuplicateLink, "another link to the same node is kept");
        }

        // The peer believes that this link is up. It comes to our verdict when it reads our HELLO on the other one;
        // until then closing would look to it like the loss of a link.
        link.Retire();
        return LinkFault.None;
    }

    /// <summary>
    /// A node that was restarted has a new id. Its old link is dead although nothing has told so yet, and the
    /// subscribers for which events are held died with the old process.
    /// </summary>
    private void DropFormerRun(PeerLink link)
    {
        if (link.MeshAddress is not { } address)
        {
            return;
        }

        foreach (PeerChannel former in _channels.Values.ToArray())
        {
            if (former.PeerId != link.PeerId && former.PeerName == link.PeerName && address.Equals(former.MeshAddress))
            {
                former.Link?.Close((ulong)ErrorCode.DuplicateLink, "the node was restarted and has a new link");
                End(former, DropReason.LinkLost);
            }
        }
    }

    private void EndTry(PeerLink link, in LinkEnd end)
    {
        if (end.Outcome is DialOutcome.Failed or DialOutcome.Refused)
        {
            _context.Counters.DialFailures++;
        }

        if (Dialer.Ended(link.Endpoint!, link, end.Outcome, end.Reason))
        {
            _context.Options.Log.DialFailed(link.Endpoint!.Address.ToString(), end.Reason, link.Endpoint.Failures);
        }
    }
}
