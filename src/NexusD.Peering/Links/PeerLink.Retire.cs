using NexusD.Peering.Dialing;
using NexusD.Protocol;
using NexusD.Protocol.Frames;

namespace NexusD.Peering.Links;

/// <summary>
/// How a link ends without losing what is under way: for another link to the same node, or because a node leaves.
/// </summary>
/// <remarks>
/// The side that stops sending says so by GOAWAY, with the number of lanes it had opened as reference, and ends its
/// lanes. Its peer has everything when it has read that many lanes to their end; until then it does not read the lanes
/// of the link that took over, because a newer event read first would make the older one look like a duplicate. Both
/// sides give up after <see cref="RetireNs"/>: a link that is replaced because it is dead does not answer.
/// </remarks>
internal sealed partial class PeerLink
{
    internal const long RetireNs = 1_000_000_000;

    private PeerLink? _predecessor;
    private PeerLink? _successor;
    private long _retireDueNs = long.MaxValue;
    private ulong _peerLanes = ulong.MaxValue;
    private bool _leaving;

    /// <summary>The peer said that it is leaving; it gets no events any more.</summary>
    public bool IsPeerLeaving { get; private set; }

    /// <summary>Another link to the same node takes over, or is kept instead of this one.</summary>
    public void Retire(PeerLink successor)
    {
        bool wasUp = _phase == LinkPhase.Up;
        _mesh.Router.RemovePeer(this);
        foreach (LaneWriter lane in _lanes.Open)
        {
            lane.Gaps.Drain(_mesh.Options.NodeName, gap => successor.DeliverGap(gap));
        }

        _hasGaps = false;
        _successor = wasUp ? successor : null;
        SayGoodbye(ErrorCode.DuplicateLink, "another link to the same node is kept");
        _phase = LinkPhase.Retiring;
        _retireDueNs = _mesh.Loop.NowNs + RetireNs;
        _owner.WakeBy(_retireDueNs);
        ReleaseLanes();
        CheckDrained();
    }

    /// <summary>This node leaves: nothing more is sent; the link closes when the peer has everything.</summary>
    public void Leave()
    {
        if (_phase != LinkPhase.Up)
        {
            Close((ulong)ErrorCode.ShuttingDown, "the node is leaving");
            return;
        }

        _mesh.Router.RemovePeer(this);
        SayGoodbye(ErrorCode.ShuttingDown, "the node is leaving");
        _leaving = true;
        CheckDrained();
    }

    /// <summary>The link that this one took over from has ended: its successors may be read.</summary>
    private void PredecessorEnded()
    {
        _predecessor = null;
        ReleaseLanes();
    }

    private void SayGoodbye(ErrorCode code, string text)
    {
        var goodbye = new GoAwayFrame
        {
            Code = code,
            Closes = true,
            Reference = (ulong)_lanes.Open.Count,
            Text = System.Text.Encoding.UTF8.GetBytes(text),
        };
        WriteAllGaps();
        goodbye.Write(_control.Reserve(goodbye.FrameBytes));
        FlushStreams();
        foreach (LaneWriter lane in _lanes.Open)
        {
            _connection!.FinishWriting(lane.Stream.Stream);
        }
    }

    private LinkFault ReadGoAway(ReadOnlySpan<byte> frame)
    {
        if (GoAwayFrame.TryRead(frame, out GoAwayFrame goodbye) != ErrorCode.None)
        {
            return LinkFault.Malformed("a GOAWAY frame that breaks its layout");
        }

        _peerLanes = goodbye.Reference;
        if (goodbye.Code == ErrorCode.ShuttingDown && _phase == LinkPhase.Up)
        {
            IsPeerLeaving = true;
            _mesh.Router.RemovePeer(this);
        }

        return LinkFault.None;
    }

    private long TickRetiring(long nowNs)
    {
        if (nowNs >= _retireDueNs)
        {
            Close((ulong)ErrorCode.DuplicateLink, "another link to the same node is kept", DialOutcome.Duplicate);
            return long.MaxValue;
        }

        CheckDrained();
        return _retireDueNs;
    }

    private void CheckDrained()
    {
        if (_phase == LinkPhase.Retiring && (ulong)_lanesEnded >= _peerLanes && Backlog() == 0)
        {
            Close((ulong)ErrorCode.DuplicateLink, "another link to the same node is kept", DialOutcome.Duplicate);
        }
        else if (_leaving && _phase == LinkPhase.Up && Backlog() == 0)
        {
            Close(0, "the node has left");
        }
    }
}
