using System.Text;
using NexusD.Protocol;
using NexusD.Protocol.Frames;
using NexusD.Protocol.Peer;
using NexusD.Protocol.Topics;
using NexusD.Routing;

namespace NexusD.Peering.Links;

/// <summary>The control stream: interest, retained repair, pings, errors.</summary>
internal sealed partial class PeerLink
{
    /// <summary>What may wait beside events: changes of interest, retained events, answers.</summary>
    private const long SpareBacklogBytes = 32 * 1024 * 1024;

    private readonly FrameStream _controlFrames;
    private long _pingDueNs;
    private long _pingRttNs;
    private ulong _pingSent;

    /// <summary>Interest changed here in this turn.</summary>
    public void TellInterest(InterestBatch changes)
    {
        if (_phase == LinkPhase.Up)
        {
            _interestOut.Tell(changes);
            MarkDirty();
            _owner.WakeBy(_mesh.Loop.NowNs + Ns(_mesh.Options.SettleTime));
        }
    }

    private void StartControl()
    {
        _interestOut.Start();
        _retained.Start();
        SendPing(_mesh.Loop.NowNs);
        _owner.WakeBy(_pingDueNs);
    }

    private long TickControl(long nowNs)
    {
        if (nowNs >= _pingDueNs)
        {
            SendPing(nowNs);
            _control.Trim();
            _channel!.Trim();
        }

        long due = Math.Min(_pingDueNs, TickLanes(nowNs));
        return Math.Min(due, Math.Min(_interestOut.Tick(nowNs), _retained.Tick(nowNs)));
    }

    private void SendPing(long nowNs)
    {
        _pingDueNs = nowNs + Ns(_mesh.Options.PingInterval);
        _pingSent = (ulong)nowNs;
        new PeerPingFrame(_pingSent, _mesh.Tick(), isPong: false).Write(_control.Reserve(PeerPingFrame.FrameBytes));
    }

    private void SendError(in LinkFault fault)
    {
        Greet();
        byte[] text = Encoding.UTF8.GetBytes(fault.Reason);
        var error = new ErrorFrame
        {
            Code = fault.Code,
            Closes = true,
            Text = text.AsSpan(0, Math.Min(text.Length, ProtocolLimits.MaxErrorTextBytes)),
        };
        error.Write(_control.Reserve(error.FrameBytes));
    }

    private void ReadControl(ReadOnlySpan<byte> data, bool end)
    {
        if (_channel is not null)
        {
            _channel.Ledger.BytesIn += data.Length;
        }

        LinkFault fault = ReadControlFrames(data);
        if (!fault.IsFault && end)
        {
            _peerHasLeft |= IsPeerLeaving;
            Close(0, "the peer ended the control stream");
            return;
        }

        if (fault.IsFault)
        {
            Fail(fault);
            return;
        }

        // Answers to a peer that asks on and on and takes nothing.
        if (Backlog() > _mesh.Options.LinkQueueBytes + SpareBacklogBytes)
        {
            Fail(new LinkFault(ErrorCode.OverLimit, "the peer does not take what it asks for"));
            return;
        }

        MarkDirty();
        CheckDrained();
    }

    private LinkFault ReadControlFrames(ReadOnlySpan<byte> data)
    {
        if (!_controlFrames.HasPreamble)
        {
            LinkFault fault = _controlFrames.ReadPreamble(ref data);
            if (fault.IsFault || !_controlFrames.HasPreamble)
            {
                return fault;
            }

            if (_controlFrames.Preamble.IsLane)
            {
                return LinkFault.Malformed("the control stream says that it is a lane");
            }
        }

        while (true)
        {
            LinkFault fault = _controlFrames.TryTake(ref data, out ReadOnlySpan<byte> frame);
            if (fault.IsFault || frame.IsEmpty)
            {
                return fault;
            }

            fault = ReadControlFrame(frame);
            if (fault.IsFault || _phase >= LinkPhase.Closing)
            {
                return fault;
            }
        }
    }

    private LinkFault ReadControlFrame(ReadOnlySpan<byte> frame)
    {
        FrameHeader.TryRead(frame, out FrameHeader header);
        if (_phase == LinkPhase.AwaitingHello
            && header.Kind is not (PeerFrameKind.Hello or PeerFrameKind.Error or PeerFrameKind.GoAway))
        {
            return new LinkFault(ErrorCode.OutOfOrder, $"a frame of kind 0x{header.Kind:x2} before HELLO");
        }

        switch (header.Kind)
        {
            case PeerFrameKind.Hello:
                return ReadHello(frame);
            case PeerFrameKind.Interest:
                return ReadInterest(frame);
            case PeerFrameKind.InterestState:
                return ReadInterestState(frame);
            case PeerFrameKind.InterestRequest:
                _interestOut.Request();
                return LinkFault.None;
            case PeerFrameKind.RetainedState or PeerFrameKind.RetainedEnd:
                return ReadRetainedState(frame);
            case PeerFrameKind.RetainedRequest:
                return _retained.ReadRequest();
            case PeerFrameKind.RetainedDigests:
                return ReadRetainedDigests(frame);
            case PeerFrameKind.Retained:
                return ReadRetained(frame);
            case PeerFrameKind.Ping or PeerFrameKind.Pong:
                return ReadPing(frame);
            case PeerFrameKind.GoAway:
                return ReadGoAway(frame);
            case PeerFrameKind.Error:
                return ReadError(frame);
            case PeerFrameKind.LaneAck:
                return ReadLaneAck(frame);
            case PeerFrameKind.LaneResume:
                return ReadLaneResume(frame);
            case PeerFrameKind.Forward or PeerFrameKind.Topic or PeerFrameKind.Gap:
                return new LinkFault(ErrorCode.OutOfOrder, $"a frame of kind 0x{header.Kind:x2} on the control stream");
            default:
                return LinkFault.None;
        }
    }

    private LinkFault ReadInterest(ReadOnlySpan<byte> frame)
    {
        if (_phase != LinkPhase.Up || !_channel!.IsRouted)
        {
            return LinkFault.None; // the router knows the link no longer
        }

        InterestReceiver interest = _channel.Interest;
        bool wantedEverything = interest.WantsEverything;
        LinkFault fault = interest.Read(frame, out bool ask);
        if (interest.WantsEverything && !wantedEverything)
        {
            _mesh.Options.Log.Warning(
                PeerName,
                $"it told more than {_mesh.Options.MaxFiltersPerPeer} filters; it gets every event from now on");
        }

        AskForInterest(ask);
        return fault;
    }

    private LinkFault ReadInterestState(ReadOnlySpan<byte> frame)
    {
        if (InterestStateFrame.TryRead(frame, out InterestStateFrame state) != ErrorCode.None)
        {
            return LinkFault.Malformed("an INTEREST_STATE frame that breaks its layout");
        }

        if (_phase == LinkPhase.Up && !IsPeerLeaving)
        {
            _channel!.Interest.ReadState(state, out bool ask);
            AskForInterest(ask);
        }

        return LinkFault.None;
    }

    private void AskForInterest(bool ask)
    {
        if (ask)
        {
            _mesh.Counters.InterestRepairs++;
            EmptyFrame.Write(_control.Reserve(EmptyFrame.FrameBytes), PeerFrameKind.InterestRequest);
        }
    }

    private LinkFault ReadRetainedState(ReadOnlySpan<byte> frame)
    {
        if (RetainedStateFrame.TryRead(frame, out RetainedStateFrame state) != ErrorCode.None)
        {
            return LinkFault.Malformed("a RETAINED_STATE or RETAINED_END frame that breaks its layout");
        }

        if (state.IsEnd)
        {
            _retained.ReadEnd(state);
        }
        else
        {
            _retained.ReadState(state);
        }

        return LinkFault.None;
    }

    private LinkFault ReadRetained(ReadOnlySpan<byte> frame)
    {
        if (RetainedFrame.TryRead(frame, out RetainedFrame retained) != ErrorCode.None
            || EventProperties.TryRead(retained.Properties, 0, out EventProperties properties) != ErrorCode.None)
        {
            return LinkFault.Malformed("a RETAINED frame that breaks its layout");
        }

        if (retained.Body.Length - EventRunBody.SizeFieldBytes > _mesh.Options.MaxPayloadBytes)
        {
            _mesh.Counters.RefusedTooLarge++;
            return LinkFault.None;
        }

        if (TopicName.Validate(properties.Topic) != TopicError.None)
        {
            _mesh.Counters.RefusedBadTopic++;
            return LinkFault.None;
        }

        Span<byte> list = stackalloc byte[ProtocolLimits.MaxEventPropertyBytes];
        int listBytes = properties.CopyWithoutTopic(retained.Properties, list);
        ulong nowHlc = _mesh.Tick();
        var run = new EventRun
        {
            Topic = _mesh.Router.Intern(properties.Topic),
            Publisher = retained.Publisher,
            Number = retained.Number,
            Timestamp = retained.Timestamp,
            Count = 1,
            Flags = RunFlags.Retain,
            Priority = properties.Priority,
            TimeToLiveMs = properties.TimeToLiveMs,
            Properties = list[..listBytes],
            Body = retained.Body,
        };
        _mesh.Observe(retained.Timestamp);
        _retained.Count(_mesh.Router.RepairRetained(run, nowHlc, retained.IsExpired));
        return LinkFault.None;
    }

    private LinkFault ReadRetainedDigests(ReadOnlySpan<byte> frame) =>
        RetainedDigestsFrame.TryRead(frame, out RetainedDigestsFrame digests) != ErrorCode.None
            ? LinkFault.Malformed("a RETAINED_DIGESTS frame that breaks its layout")
            : _retained.ReadDigests(digests);

    private LinkFault ReadPing(ReadOnlySpan<byte> frame)
    {
        if (PeerPingFrame.TryRead(frame, out PeerPingFrame ping) != ErrorCode.None)
        {
            return LinkFault.Malformed("a PING or PONG frame that breaks its layout");
        }

        _mesh.Observe(ping.Timestamp);
        if (!ping.IsPong)
        {
            new PeerPingFrame(ping.Opaque, _mesh.Tick(), isPong: true)
                .Write(_control.Reserve(PeerPingFrame.FrameBytes));
            return LinkFault.None;
        }

        _lastAnsweredNs = _mesh.Loop.NowNs;
        if (ping.Opaque == _pingSent)
        {
            _pingRttNs = _mesh.Loop.NowNs - (long)ping.Opaque;
        }

        return LinkFault.None;
    }

    private LinkFault ReadError(ReadOnlySpan<byte> frame)
    {
        if (ErrorFrame.TryRead(frame, out ErrorFrame error) != ErrorCode.None)
        {
            return LinkFault.Malformed("an ERROR frame that breaks its layout");
        }

        // The close that follows carries the same code; it ends the link.
        if (!error.Closes)
        {
            _mesh.Options.Log.Warning(
                PeerName, $"it says {error.Code.ToWireName()}: {PrintableText.Of(error.Text)}");
        }

        return LinkFault.None;
    }
}
