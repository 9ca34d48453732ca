using System.Text;
using NexusD.Protocol;
using NexusD.Protocol.Frames;
using NexusD.Protocol.Greetings;
using NexusD.Protocol.Peer;
using NexusD.Routing;

namespace NexusD.Peering.Links;

/// <summary>
/// The stream of one lane of the peer on one link. In: pieces of the stream. Out: runs and gap notices for the router.
/// Frames are decoded in place; what outlives the stream is in <see cref="IncomingLane"/>.
/// </summary>
/// <param name="mesh">Router, limits, memory.</param>
/// <param name="claim">Gives the lane of a number; null when another stream of this link is that lane.</param>
internal sealed class LaneReader(MeshContext mesh, Func<int, IncomingLane?> claim)
{
    /// <summary>Bodies from this size on may be kept by reference instead of being copied.</summary>
    private const int SharedBodyBytes = 32 * 1024;

    private readonly FrameStream _frames = new(mesh, mesh.Options.MaxFrameBytes);
    private IncomingLane? _lane;
    private byte[] _lastWhereUtf8 = [];
    private string _lastWhere = "";
    private bool _endRead;

    /// <summary>Bytes that came before they may be read.</summary>
    public HeldBytes Held { get; } = new(mesh.Pool);

    /// <summary>Whether the peer ended the stream; perhaps behind bytes that are held.</summary>
    public bool IsEnded { get; set; }

    /// <summary>Whether bytes or the end wait to be read.</summary>
    public bool HasWaiting => !Held.IsEmpty || (IsEnded && !_endRead);

    public StreamPreamble Preamble => _frames.Preamble;

    /// <summary>Reads a piece of the stream.</summary>
    public LinkFault Read(ReadOnlySpan<byte> data)
    {
        int bytes = data.Length;
        if (_lane is not { } lane)
        {
            LinkFault fault = ReadPreamble(ref data);
            if (fault.IsFault || _lane is null)
            {
                return fault;
            }

            lane = _lane;
        }

        lane.Ledger.BytesIn += bytes;
        return ReadFrames(lane, data);
    }

    private LinkFault ReadFrames(IncomingLane lane, ReadOnlySpan<byte> data)
    {
        // The first frame may have begun in an earlier piece; behind it the data is at the start of one.
        LinkFault fault = _frames.TryTake(ref data, out ReadOnlySpan<byte> frame);
        var lookahead = new LaneLookahead(data, lane);
        while (!fault.IsFault && !frame.IsEmpty)
        {
            fault = ReadFrame(lane, frame);
            if (fault.IsFault)
            {
                break;
            }

            lane.Routed += frame.Length;
            lookahead.Step();
            fault = _frames.TryTake(ref data, out frame);
        }

        return fault;
    }

    /// <summary>The peer ended the stream behind what was read.</summary>
    public LinkFault End()
    {
        _endRead = true;
        return _frames.IsAtFrameEnd ? LinkFault.None : LinkFault.Malformed("a lane ended inside a frame");
    }

    /// <summary>Gives back what is held; the link is gone.</summary>
    public void Reset()
    {
        _frames.Reset();
        Held.Clear();
    }

    private LinkFault ReadPreamble(ref ReadOnlySpan<byte> data)
    {
        LinkFault fault = _frames.ReadPreamble(ref data);
        if (fault.IsFault || !_frames.HasPreamble)
        {
            return fault;
        }

        if (!_frames.Preamble.IsLane)
        {
            return LinkFault.Malformed("a unidirectional stream that is no lane");
        }

        _lane = claim(_frames.Preamble.Lane);
        return _lane is null
            ? LinkFault.Malformed($"a second stream for lane {_frames.Preamble.Lane}")
            : LinkFault.None;
    }

    private LinkFault ReadFrame(IncomingLane lane, ReadOnlySpan<byte> frame)
    {
        FrameHeader.TryRead(frame, out FrameHeader header);
        switch (header.Kind)
        {
            case PeerFrameKind.Forward:
                return ReadForward(lane, frame);
            case PeerFrameKind.Topic:
                return lane.Declare(frame);
            case PeerFrameKind.Gap:
                return ReadGap(frame);
            case PeerFrameKind.Hello or PeerFrameKind.Interest or PeerFrameKind.InterestState
                or PeerFrameKind.InterestRequest or PeerFrameKind.RetainedState or PeerFrameKind.RetainedRequest
                or PeerFrameKind.Retained or PeerFrameKind.RetainedEnd or PeerFrameKind.Ping or PeerFrameKind.Pong
                or PeerFrameKind.Error or PeerFrameKind.GoAway or PeerFrameKind.LaneAck or PeerFrameKind.LaneResume
                or PeerFrameKind.RetainedDigests:
                return new LinkFault(ErrorCode.OutOfOrder, $"a frame of kind 0x{header.Kind:x2} on a lane");
            default:
                return LinkFault.None;
        }
    }

    private LinkFault ReadForward(IncomingLane lane, ReadOnlySpan<byte> frame)
    {
        if (ForwardFrame.TryRead(frame, out ForwardFrame forward) != ErrorCode.None
            || EventProperties.TryRead(forward.Properties, forward.Alias, out EventProperties properties)
                != ErrorCode.None)
        {
            return LinkFault.Malformed("a FORWARD frame that breaks its layout");
        }

        ErrorCode error = EventRunBody.Validate(
            forward.Body,
            (uint)mesh.Options.MaxPayloadBytes,
            frame.Length - forward.Members.Length,
            out int count,
            ProtocolLimits.MaxGrownRunFrameBytes);
        if (error == ErrorCode.Malformed)
        {
            return LinkFault.Malformed("a FORWARD frame with a body that is no run");
        }

        if (forward.Number > ulong.MaxValue - (ulong)count)
        {
            return LinkFault.Malformed("a FORWARD frame whose numbers run over");
        }

        lane.Ledger.EventsIn += count;
        if (error == ErrorCode.PayloadTooLarge)
        {
            mesh.Counters.RefusedTooLarge += count;
            PublishLoss(forward.Publisher, forward.Number, count);
            return LinkFault.None;
        }

        LinkFault fault = lane.FindTopic(forward.Alias, properties.Topic, out Topic? topic);
        if (topic is null)
        {
            mesh.Counters.RefusedBadTopic += fault.IsFault ? 0 : count;
            return fault;
        }

        if (properties.TopicBytes != 0 && !properties.TryGetWithoutTopic(forward.Properties, out _))
        {
            return PublishRearranged(lane, forward, properties, topic, count);
        }

        ReadOnlySpan<byte> list = forward.Properties;
        if (properties.TopicBytes != 0)
        {
            properties.TryGetWithoutTopic(forward.Properties, out list);
        }

        Publish(lane, forward, properties, list, topic, count);
        return LinkFault.None;
    }

    private void Publish(
        IncomingLane lane,
        in ForwardFrame forward,
        in EventProperties properties,
        ReadOnlySpan<byte> list,
        Topic topic,
        int count)
    {
        bool shared = forward.Body.Length >= SharedBodyBytes && _frames.FrameSlab is not null;
        var run = new EventRun
        {
            Topic = topic,
            Publisher = forward.Publisher,
            Number = forward.Number,
            Timestamp = forward.Timestamp,
            Count = count,
            Flags = forward.Flags,
            Priority = properties.Priority,
            TimeToLiveMs = properties.TimeToLiveMs,
            Properties = list,
            Body = forward.Body,
            Shared = shared ? _frames.FrameSlab : null,
            SharedOffset = ForwardFrame.HeaderBytes + forward.Properties.Length + forward.Members.Length,
        };
        lane.Ledger.LatestTimestamp = Math.Max(lane.Ledger.LatestTimestamp, forward.Timestamp);
        if (run.TimeToLiveMs != 0 && mesh.IsExpired(run))
        {
            mesh.Router.DropFromPeer(run, DropReason.Expired, forward.Members, forward.MembersOnly);
            return;
        }

        if (forward.Members.IsEmpty)
        {
            mesh.Router.PublishFromPeer(run);
        }
        else
        {
            mesh.Router.PublishFromPeer(run, forward.Members, forward.MembersOnly, forward.Redirects);
        }
    }

    // The topic stands between other properties: only writers that are not this one do so.
    private LinkFault PublishRearranged(
        IncomingLane lane, in ForwardFrame forward, in EventProperties properties, Topic topic, int count)
    {
        byte[] list = new byte[forward.Properties.Length];
        int length = properties.CopyWithoutTopic(forward.Properties, list);
        Publish(lane, forward, properties, list.AsSpan(0, length), topic, count);
        return LinkFault.None;
    }

    private LinkFault ReadGap(ReadOnlySpan<byte> frame)
    {
        if (GapFrame.TryRead(frame, out GapFrame gap) != ErrorCode.None)
        {
            return LinkFault.Malformed("a GAP frame that breaks its layout");
        }

        // The same node name comes again and again; it is decoded once.
        if (!gap.Where.SequenceEqual(_lastWhereUtf8))
        {
            _lastWhereUtf8 = gap.Where.ToArray();
            _lastWhere = Encoding.UTF8.GetString(gap.Where);
        }

        mesh.Router.PublishGapFromPeer(
            new GapNotice(gap.Publisher, gap.From, gap.To, gap.Count, gap.Reason, _lastWhere),
            _frames.Preamble.Class);
        return LinkFault.None;
    }

    private void PublishLoss(ulong publisher, ulong number, int count) => mesh.Router.PublishGapFromPeer(new GapNotice(
        publisher, number, number + (ulong)count - 1, (ulong)count, DropReason.TooLarge, mesh.Options.NodeName));
}
