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
        if (_leaving)
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
        _byNode[link.PeerId] = link;
        _context.Counters.LinksUp++;
        _context.Counters.LinksReplaced += existing is null ? 0 : 1;
        _interest.Flush(); // what changed in this turn goes to the others now and to this link with its snapshot
        link.GoUp(existing);
        _context.Options.Log.LinkUp(link.PeerName, link.Address, _engine, link.IsDialed);
        WakeBy(_context.Loop.NowNs);
        return LinkFault.None;
    }

    void ILinkOwner.Gone(PeerLink link, LinkEnd end)
    {
        _links.Remove(link);
        _context.Counters.Add(link.Ledger);
        if (link.WasUp)
        {
            _context.Counters.LinksDown++;
            if (_byNode.TryGetValue(link.PeerId, out PeerLink? current) && current == link)
            {
                _byNode.Remove(link.PeerId);
                _context.Options.Log.LinkDown(link.PeerName, link.Address, end.Reason);
                bool yields = _context.Options.NodeId > link.PeerId;
                _dialer.LinkLost(link.PeerId, link.UpForNs >= LivedNs, yields);
            }
        }
        else if (link.IsDialed)
        {
            EndTry(link, end);
        }

        WakeBy(_context.Loop.NowNs);
    }

    private PeerLink? Accept(IQuicConnection connection)
    {
        if (_leaving || _links.Count >= _context.Options.MaxLinks)
        {
            _context.Counters.LinksOverLimit += _leaving ? 0 : 1;
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
        link.Retire(existing);
        return LinkFault.None;
    }

    /// <summary>
    /// A node that was restarted has a new id. Its old link is dead although nothing has told so yet.
    /// </summary>
    private void DropFormerRun(PeerLink link)
    {
        if (link.MeshAddress is not { } address)
        {
            return;
        }

        foreach (PeerLink other in _links.ToArray())
        {
            if (other != link && other.IsUp && other.PeerId != link.PeerId
                && other.PeerName == link.PeerName && address.Equals(other.MeshAddress))
            {
                other.Close((ulong)ErrorCode.DuplicateLink, "the node was restarted and has a new link");
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
