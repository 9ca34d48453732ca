using NexusD.Buffers;
using NexusD.Protocol;
using NexusD.Protocol.Greetings;
using NexusD.Protocol.Peer;

namespace NexusD.Peering.Links;

/// <summary>
/// Acknowledgement and replay (peer-v1.md, "LANE_ACK", "LANE_RESUME"): how lanes go on on another link, in both
/// directions.
/// </summary>
internal sealed partial class PeerChannel
{
    /// <summary>
    /// So often a peer may not know lanes of which something was sent: a link can be lost before it has read what they
    /// are. Then it is taken at its word, or a frame that it refuses would be sent again and again.
    /// </summary>
    private const int MostForgettings = 3;

    private readonly IncomingLane?[] _incoming = new IncomingLane?[ProtocolLimits.MaxLanes];
    private ulong _peerRun;
    private int _forgettings;

    /// <summary>Number of this node's run of lanes to the peer; a new one when they begin anew.</summary>
    public ulong OwnRun { get; private set; }

    /// <summary>Whether the peer has told where lanes go on, so that they flow on the present link.</summary>
    public bool IsFlowing { get; private set; }

    /// <summary>Where this side stands, for the peer.</summary>
    public LaneResumeFrame Describe()
    {
        var counts = default(LaneCounts);
        for (int number = 0; number < _incoming.Length; number++)
        {
            if (_incoming[number] is { } lane)
            {
                counts.Set(number, (ulong)lane.Routed);
                lane.Told = lane.Routed;
            }
        }

        return new LaneResumeFrame { Own = OwnRun, Yours = _peerRun, Counts = counts };
    }

    /// <summary>The peer has told where it stands: lanes flow on the present link from now on.</summary>
    public LinkFault Resume(in LaneResumeFrame frame)
    {
        if (frame.Own != _peerRun)
        {
            ForgetIncoming();
            _peerRun = frame.Own;
        }

        if (frame.Yours != OwnRun)
        {
            StartAnew();
        }
        else if (!TryGoOn(frame.Counts))
        {
            GiveUpAll(DropReason.LinkLost);
            OwnRun = _mesh.Tick();
            return LinkFault.Malformed("a LANE_RESUME frame that tells of bytes that were not sent or are not held");
        }

        foreach (LaneWriter lane in _lanes.Open)
        {
            lane.Stream.Flush();
            if (!TryOpenStream(lane))
            {
                return NoStream;
            }
        }

        IsFlowing = true;
        NoteAck();
        _stage = ChannelStage.Linked;
        _downSinceNs = long.MaxValue;
        _limit = _mesh.Options.LinkQueueBytes;
        MarkDirty();
        return LinkFault.None;
    }

    /// <summary>The peer has routed so much of each lane.</summary>
    public LinkFault ReadAck(in LaneAckFrame ack)
    {
        for (int number = 0; number < ProtocolLimits.MaxLanes; number++)
        {
            if (ack.Counts.Has(number)
                && (number >= _lanes.Open.Count
                    || !_lanes.Open[number].Journal.TryAcknowledge(ack.Counts[number])))
            {
                return LinkFault.Malformed($"a LANE_ACK frame for bytes of lane {number} that were not sent");
            }
        }

        _forgettings = 0;
        NoteAck();
        if (_hasGaps)
        {
            MarkDirty();
        }

        return LinkFault.None;
    }

    /// <summary>What the peer has not been told of yet; no lanes when there is nothing.</summary>
    public LaneAckFrame TakeAck()
    {
        var counts = default(LaneCounts);
        for (int number = 0; number < _incoming.Length; number++)
        {
            if (_incoming[number] is { } lane && lane.Routed != lane.Told)
            {
                counts.Set(number, (ulong)lane.Routed);
                lane.Told = lane.Routed;
            }
        }

        return new LaneAckFrame(counts);
    }

    /// <summary>The peer's lane that a stream of a link goes on with; null when another stream of it does.</summary>
    public IncomingLane? Claim(PeerLink link, int number)
    {
        IncomingLane lane = _incoming[number] ??= new IncomingLane(_mesh, _ledger);
        if (lane.Reader is not null)
        {
            return null;
        }

        lane.Reader = link;
        return lane;
    }

    /// <summary>
    /// Forgets how far the peer's lanes were read, so that they begin anew: a frame that was refused must not come
    /// again on the next link.
    /// </summary>
    public void ForgetIncoming()
    {
        _peerRun = 0;
        _ledger.AliasBytes = 0;
        Array.Clear(_incoming);
    }

    /// <summary>Gives a lane that was opened just now its stream. False when the peer grants none.</summary>
    public bool TryConnect(LaneWriter lane)
    {
        if (!IsFlowing || TryOpenStream(lane))
        {
            return true;
        }

        // Nobody can be called back from here, so the link ends when the turn does; unless another lane takes over.
        if (!_lanes.Open.Exists(other => other.Priority == lane.Priority))
        {
            _faultAtEndOfTurn = NoStream;
            MarkDirty();
        }

        return false;
    }

    private static LinkFault NoStream => new(ErrorCode.OverLimit, "the peer grants no stream for a lane");

    private bool TryGoOn(in LaneCounts counts)
    {
        for (int number = 0; number < ProtocolLimits.MaxLanes; number++)
        {
            if (number < _lanes.Open.Count
                ? !_lanes.Open[number].Journal.TryAcknowledge(counts[number])
                : counts.Has(number))
            {
                return false;
            }
        }

        return true;
    }

    private void StartAnew()
    {
        bool acknowledged = _lanes.Open.Exists(static lane => lane.Journal.Acknowledged > 0);
        bool sent = _lanes.Open.Exists(static lane => lane.Journal.Sent > 0);
        if (acknowledged || (sent && ++_forgettings >= MostForgettings))
        {
            _forgettings = 0;
            GiveUpAll(DropReason.LinkLost);
        }
    }

    private bool TryOpenStream(LaneWriter lane)
    {
        long stream = Link!.OpenLaneStream();
        if (stream < 0)
        {
            return false;
        }

        Slab first = _mesh.Pool.Rent(StreamPreamble.Size, MemoryKind.Links);
        StreamPreamble.ForLane(lane.Number, lane.Priority).Write(first.Span);
        if (lane.Priority == Priority.High)
        {
            Link.Connection.Prefer(stream);
        }

        Link.Connection.Write(stream, first, 0, StreamPreamble.Size);
        lane.Journal.Connect(Link.Connection, stream);
        return true;
    }
}
