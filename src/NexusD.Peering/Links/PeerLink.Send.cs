using System.Text;
using NexusD.Protocol;
using NexusD.Protocol.Frames;
using NexusD.Protocol.Peer;
using NexusD.Routing;

namespace NexusD.Peering.Links;

/// <summary>
/// Runs out: the router hands them over one by one, the connection gets what a turn brought in one piece per lane.
/// </summary>
/// <remarks>
/// The queue of a link is what the connection has not seen acknowledged. Above the limit new runs are dropped, counted
/// and noted in the lane's ledger; the peer is told by GAP before the next run of that lane, or as soon as there is
/// room. Dropping goes on until an eighth of the queue is free again, so that a full link does not alternate between
/// single runs and gap notices.
/// </remarks>
internal sealed partial class PeerLink
{
    /// <summary>Bodies from this size on go by reference where the router offers one.</summary>
    private const int ByReferenceBytes = 16 * 1024;

    private readonly LaneSet _lanes;
    private AliasTable _aliases = new(0);
    private LinkFault _faultAtEndOfTurn;
    private bool _full;
    private bool _hasGaps;
    private bool _dirty;

    public override void Deliver(in EventRun run, ref RouteEntry entry)
    {
        LaneWriter? lane = _phase == LinkPhase.Up ? _lanes.For(_connection!, run.Priority, run.Publisher) : null;
        if (lane is null)
        {
            RefuseWithoutLane();
            return;
        }

        if (IsFull())
        {
            Drop(lane, run, DropReason.LinkFull);
            return;
        }

        if (IsTooLargeForPeer(run))
        {
            Drop(lane, run, DropReason.TooLarge);
            return;
        }

        if (!lane.Gaps.IsEmpty)
        {
            WriteGaps(lane);
        }

        uint alias = _aliases.Get(ref entry);
        if (alias != 0 && lane.MustDeclare(alias, entry.AliasEpoch))
        {
            var declared = new TopicFrame(alias, run.Topic.Utf8);
            declared.Write(lane.Stream.Reserve(declared.FrameBytes));
        }

        WriteForward(lane, run, alias);
        _ledger.EventsOut += run.Count;
        MarkDirty();
    }

    public override void DeliverGap(in GapNotice gap)
    {
        if (_phase == LinkPhase.Up && _lanes.For(_connection!, Priority.Normal, gap.Publisher) is { } lane)
        {
            WriteGap(lane, gap);
            MarkDirty();
        }
    }

    public void OnEndOfTurn()
    {
        _dirty = false;
        if (_faultAtEndOfTurn.IsFault)
        {
            Fail(_faultAtEndOfTurn);
            return;
        }

        FlushStreams();
    }

    /// <summary>Bytes written and not acknowledged, or waiting for the end of the turn.</summary>
    private long Backlog()
    {
        long waiting = _control.Waiting;
        foreach (LaneWriter lane in _lanes.Open)
        {
            waiting += lane.Stream.Waiting;
        }

        return waiting + (_connection?.UnacknowledgedBytes ?? 0);
    }

    private void WriteForward(LaneWriter lane, in EventRun run, uint alias)
    {
        ReadOnlySpan<byte> topic = alias == 0 ? run.Topic.Utf8 : default;
        int propertyBytes = run.Properties.Length + (alias == 0 ? PropertyWriter.Size(topic.Length) : 0);
        int headBytes = ForwardFrame.HeaderBytes + propertyBytes;
        int frameBytes = headBytes + run.Body.Length;
        bool byReference = run.Shared is not null && run.Body.Length >= ByReferenceBytes;
        Span<byte> room = lane.Stream.Reserve(byReference ? headBytes : frameBytes);
        ForwardFrame.WriteHeader(
            room,
            frameBytes,
            run.Flags & RunFlags.Retain,
            propertyBytes,
            alias,
            run.Publisher,
            run.Number,
            run.Timestamp);
        Span<byte> rest = room[ForwardFrame.HeaderBytes..];
        if (alias == 0)
        {
            var properties = new PropertyWriter(rest);
            properties.Write(PropertyId.Topic, topic);
            rest = rest[properties.Written..];
        }

        run.Properties.CopyTo(rest);
        if (byReference)
        {
            lane.Stream.Append(run.Shared!, run.SharedOffset, run.Body.Length);
        }
        else
        {
            run.Body.CopyTo(rest[run.Properties.Length..]);
        }

        _ledger.BytesOut += frameBytes;
    }

    private bool IsFull()
    {
        long limit = _mesh.Options.LinkQueueBytes;
        long queued = _connection!.UnacknowledgedBytes;
        if (queued > limit)
        {
            return _full = true;
        }

        return _full && (_full = queued > limit - (limit / 8));
    }

    private bool IsTooLargeForPeer(in EventRun run)
    {
        int topicBytes = PropertyWriter.Size(run.Topic.Utf8.Length);
        long frameBytes = (long)ForwardFrame.HeaderBytes + run.Body.Length + run.Properties.Length + topicBytes;
        if (run.Body.Length <= _peerMaxPayload && frameBytes <= _peerMaxFrame)
        {
            return false; // the common case: whatever is inside fits
        }

        var reader = new RunReader(run.Body);
        while (reader.TryRead(out ReadOnlySpan<byte> payload))
        {
            if (payload.Length > _peerMaxPayload)
            {
                return true;
            }
        }

        return frameBytes > _peerMaxFrame;
    }

    private void Drop(LaneWriter lane, in EventRun run, DropReason reason)
    {
        lane.Gaps.Add(run.Publisher, run.Number, run.LastNumber, (ulong)run.Count, reason);
        _hasGaps = true;
        _mesh.Router.LossListener?.OnLost(run.Publisher, run.Number, run.Count, reason);
        if (reason == DropReason.LinkFull)
        {
            _ledger.DroppedLinkFull += run.Count;
        }
        else
        {
            _ledger.DroppedTooLarge += run.Count;
            MarkDirty();
        }
    }

    // The router may not be called back from here, so the link ends when the turn does.
    private void RefuseWithoutLane()
    {
        if (_phase == LinkPhase.Up && !_faultAtEndOfTurn.IsFault)
        {
            _faultAtEndOfTurn = new LinkFault(ErrorCode.OverLimit, "the peer grants no stream for a lane");
            MarkDirty();
        }
    }

    private void SendProgress()
    {
        _interestOut.Tick(_mesh.Loop.NowNs);
        _retained.Continue();
        WriteAllGaps();
    }

    private void WriteAllGaps()
    {
        if (!_hasGaps || IsFull())
        {
            return;
        }

        _hasGaps = false;
        foreach (LaneWriter lane in _lanes.Open)
        {
            WriteGaps(lane);
        }
    }

    private void WriteGaps(LaneWriter lane) =>
        lane.Gaps.Drain(_mesh.Options.NodeName, gap => WriteGap(lane, gap));

    private static void WriteGap(LaneWriter lane, in GapNotice gap)
    {
        var frame = new GapFrame
        {
            Reason = gap.Reason,
            Publisher = gap.Publisher,
            From = gap.From,
            To = gap.To,
            Count = gap.Count,
            Where = Encoding.UTF8.GetBytes(gap.Where),
        };
        frame.Write(lane.Stream.Reserve(frame.FrameBytes));
    }

    private void MarkDirty()
    {
        if (!_dirty && _phase < LinkPhase.Closing)
        {
            _dirty = true;
            _mesh.Loop.FlushAtEndOfTurn(this);
        }
    }

    private void FlushStreams()
    {
        if (_phase is < LinkPhase.AwaitingHello or >= LinkPhase.Closing)
        {
            return;
        }

        WriteAllGaps();
        _control.Flush();
        foreach (LaneWriter lane in _lanes.Open)
        {
            lane.Stream.Flush();
        }
    }

    private void TrimStreams()
    {
        _control.Trim();
        foreach (LaneWriter lane in _lanes.Open)
        {
            lane.Stream.Trim();
        }
    }
}
