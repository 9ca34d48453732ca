using NexusD.Protocol;
using NexusD.Protocol.Peer;

namespace NexusD.Peering.Links;

/// <summary>Acknowledgement of lanes on the control stream (peer-v1.md, "LANE_ACK", "LANE_RESUME").</summary>
internal sealed partial class PeerLink
{
    /// <summary>So much is routed before the peer is told at the end of the turn.</summary>
    private const long AckBytes = 128 * 1024;

    /// <summary>The peer is told of less after this time.</summary>
    private const long AckDelayNs = 50_000_000;

    private long _ackDueNs = long.MaxValue;
    private long _unackedBytes;
    private bool _ackDue;

    private void SendLaneResume()
    {
        LaneResumeFrame resume = _channel!.Describe();
        resume.Write(_control.Reserve(resume.FrameBytes));
        _helloDueNs = _mesh.Loop.NowNs + Ns(_mesh.Options.HandshakeTimeout);
        MarkDirty();
    }

    private LinkFault ReadLaneResume(ReadOnlySpan<byte> frame)
    {
        if (LaneResumeFrame.TryRead(frame, out LaneResumeFrame resume) != ErrorCode.None)
        {
            return LinkFault.Malformed("a LANE_RESUME frame that breaks its layout");
        }

        if (_phase != LinkPhase.Up)
        {
            return LinkFault.None; // another link was preferred; it is told there
        }

        if (_channel!.IsFlowing)
        {
            return new LinkFault(ErrorCode.OutOfOrder, "a second LANE_RESUME");
        }

        LinkFault fault = _channel.Resume(resume);
        if (fault.IsFault)
        {
            return fault;
        }

        _predecessor?.CloseRetired(); // both sides have let go of it
        _predecessor = null;
        ReleaseLanes();
        if (_leaving)
        {
            SayGoodbye();
        }

        return LinkFault.None;
    }

    private LinkFault ReadLaneAck(ReadOnlySpan<byte> frame)
    {
        if (LaneAckFrame.TryRead(frame, out LaneAckFrame ack) != ErrorCode.None)
        {
            return LinkFault.Malformed("a LANE_ACK frame that breaks its layout");
        }

        if (_phase != LinkPhase.Up)
        {
            return LinkFault.None; // about a link that is used no longer
        }

        return _channel!.IsFlowing
            ? _channel.ReadAck(ack)
            : new LinkFault(ErrorCode.OutOfOrder, "LANE_ACK before LANE_RESUME");
    }

    /// <summary>Bytes of lanes were routed in this turn.</summary>
    private void CountRouted(int bytes)
    {
        _unackedBytes += bytes;
        if (_unackedBytes >= AckBytes || _leaving || IsPeerLeaving)
        {
            _ackDue = true;
            MarkDirty();
        }
        else if (_ackDueNs == long.MaxValue)
        {
            _ackDueNs = _mesh.Loop.NowNs + AckDelayNs;
            _owner.WakeBy(_ackDueNs);
        }
    }

    private void WriteLaneAck()
    {
        _ackDue = false;
        _unackedBytes = 0;
        _ackDueNs = long.MaxValue;
        if (_phase != LinkPhase.Up)
        {
            return;
        }

        LaneAckFrame ack = _channel!.TakeAck();
        if (ack.Counts.Count > 0)
        {
            ack.Write(_control.Reserve(ack.FrameBytes));
        }
    }

    private long TickLanes(long nowNs)
    {
        if (nowNs >= _ackDueNs)
        {
            _ackDue = true;
        }

        return _ackDueNs;
    }
}
