using NexusD.Peering.Dialing;
using NexusD.Protocol;
using NexusD.Protocol.Frames;

namespace NexusD.Peering.Links;

/// <summary>How a link ends in order: for another link to the same node, or because a node leaves.</summary>
/// <remarks>
/// A link that gives way is read and written no longer from the moment on at which the other one is up here: what was
/// under way on it comes again on the other one, from where this side says it stopped. It is closed when the peer has
/// said so too, or after <see cref="RetireNs"/>. A node that leaves says so by GOAWAY, ends its lanes, and closes when
/// the peer has acknowledged all of them.
/// </remarks>
internal sealed partial class PeerLink
{
    internal const long RetireNs = 1_000_000_000;

    private PeerLink? _predecessor;
    private long _retireDueNs = long.MaxValue;
    private bool _leaving;
    private bool _saidGoodbye;
    private bool _peerHasLeft;

    /// <summary>The peer said that it is leaving; it gets no events any more.</summary>
    public bool IsPeerLeaving { get; private set; }

    /// <summary>
    /// The peer has closed the link because its process ends. One that said that it is leaving and is heard no longer
    /// may still come back, to send what this node has not acknowledged.
    /// </summary>
    public bool HasPeerLeft => _peerHasLeft;

    /// <summary>Another link to the same node takes over, or is kept instead of this one.</summary>
    public void Retire()
    {
        _channel = null;
        _phase = LinkPhase.Retiring;
        _retireDueNs = _mesh.Loop.NowNs + RetireNs;
        _owner.WakeBy(_retireDueNs);
        DropLanes();
    }

    /// <summary>The peer has the other link, too.</summary>
    public void CloseRetired()
    {
        if (_phase == LinkPhase.Retiring)
        {
            Close((ulong)ErrorCode.DuplicateLink, "another link to the same node is kept", DialOutcome.Duplicate);
        }
    }

    /// <summary>This node leaves: nothing more is sent; the link closes when the peer has routed everything.</summary>
    public void Leave()
    {
        if (_phase < LinkPhase.Up)
        {
            Close((ulong)ErrorCode.ShuttingDown, "the node is leaving");
        }

        if (_phase != LinkPhase.Up)
        {
            return; // one that gives way ends by itself
        }

        _leaving = true;
        _channel!.StopForwarding();
        if (_channel.IsFlowing)
        {
            SayGoodbye();
        }
    }

    private void SayGoodbye()
    {
        var goodbye = new GoAwayFrame
        {
            Code = ErrorCode.ShuttingDown,
            Closes = true,
            Reference = (ulong)_channel!.LaneCount,
            Text = "the node is leaving"u8,
        };
        _saidGoodbye = true;
        _channel.Flush();
        goodbye.Write(_control.Reserve(goodbye.FrameBytes));
        _ackDue = true;
        FlushStreams();
        _channel.FinishWriting();
        CheckDrained();
    }

    private LinkFault ReadGoAway(ReadOnlySpan<byte> frame)
    {
        if (GoAwayFrame.TryRead(frame, out GoAwayFrame goodbye) != ErrorCode.None)
        {
            return LinkFault.Malformed("a GOAWAY frame that breaks its layout");
        }

        if (goodbye.Code == ErrorCode.ShuttingDown && _phase == LinkPhase.Up)
        {
            IsPeerLeaving = true;
            _channel!.StopForwarding();
            _ackDue = true;
            MarkDirty();
        }

        return LinkFault.None;
    }

    private void CheckDrained()
    {
        if (_saidGoodbye && _phase == LinkPhase.Up && _channel!.IsDrained && Backlog() == 0)
        {
            Close(0, "the node has left");
        }
    }
}
