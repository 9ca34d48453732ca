using NexusD.Buffers;
using NexusD.Protocol;
using NexusD.Protocol.Frames;
using NexusD.Protocol.Peer;
using NexusD.Routing;

namespace NexusD.Peering.Links;

/// <summary>
/// Runs out: the router hands them over one by one, the link gets what a turn brought in one piece per lane.
/// </summary>
/// <remarks>
/// The queue is what the peer has not acknowledged, whether a link is up or not. Above the limit new runs are dropped,
/// counted and noted in the lane's ledger; the peer is told by GAP before the next run of that lane, or as soon as
/// there is room. Dropping goes on until an eighth of the queue is free again, so that a full queue does not alternate
/// between single runs and gap notices.
/// </remarks>
internal sealed partial class PeerChannel
{
    /// <summary>
    /// Bodies from this size on go by reference where the router offers one; smaller ones would hold a slab that is
    /// mostly something else for as long as the peer does not acknowledge them.
    /// </summary>
    private const int ByReferenceBytes = 32 * 1024;

    private readonly LaneSet _lanes;
    private readonly MemoryBudget _budget;
    private AliasTable _aliases = new(0);
    private PeerLimits _limits;
    private LinkFault _faultAtEndOfTurn;
    private long _limit;
    private bool _full;
    private bool _hasGaps;
    private bool _dirty;

    /// <summary>Bytes written and not acknowledged by the peer; those of the present turn not counted.</summary>
    public long QueuedBytes { get; set; }

    /// <summary>Whether the peer has routed everything that was meant for it.</summary>
    public bool IsDrained => QueuedBytes == 0 && WaitingBytes() == 0 && !_hasGaps;

    /// <summary>Lanes that were opened so far.</summary>
    public int LaneCount => _lanes.Open.Count;

    public override long PendingBytes => QueuedBytes + WaitingBytes();

    public override void Deliver(in EventRun run, ref RouteEntry entry) => Deliver(run, ref entry, default, false, 0);

    public override void DeliverToMembers(
        in EventRun run, ref RouteEntry entry, ReadOnlySpan<uint> members, bool membersOnly, int redirects) =>
        Deliver(run, ref entry, members, membersOnly, redirects);

    private void Deliver(
        in EventRun run, ref RouteEntry entry, ReadOnlySpan<uint> members, bool membersOnly, int redirects)
    {
        if (_budget.IsDue)
        {
            _budget.Settle();
        }

        LaneWriter lane = _lanes.For(run.Priority, run.Publisher);
        if (run.Priority == Priority.Normal ? IsFull() : IsFullFor(run.Priority))
        {
            Drop(lane, run, WhyFull(run.Priority), members, membersOnly);
            return;
        }

        if (IsTooLargeForPeer(run))
        {
            Drop(lane, run, DropReason.TooLarge, members, membersOnly);
            return;
        }

        if (lane.HasLosses && !TryTellLosses(lane, atAnyCost: false))
        {
            // What is to be told first found no room.
            Drop(
                lane, run, PendingBytes <= _limit ? DropReason.Memory : DropReason.LinkFull, members, membersOnly);
            return;
        }

        uint alias = _aliases.Get(ref entry);
        if (alias != 0 && lane.MustDeclare(alias, entry.AliasEpoch))
        {
            var declared = new TopicFrame(alias, run.Topic.Utf8);
            declared.Write(lane.Stream.Reserve(declared.FrameBytes));
        }

        WriteForward(lane, run, alias, members, membersOnly, redirects);
        _ledger.EventsOut += run.Count;
        MarkDirty();
    }

    public override void DeliverGap(in GapNotice gap)
    {
        WriteGap(_lanes.For(Priority.Normal, gap.Publisher), gap);
        MarkDirty();
    }

    public void OnEndOfTurn()
    {
        _dirty = false;
        if (_faultAtEndOfTurn.IsFault)
        {
            LinkFault fault = _faultAtEndOfTurn;
            _faultAtEndOfTurn = LinkFault.None;
            Link?.Fail(fault);
        }

        Flush();
    }

    /// <summary>Hands over what was written in this turn.</summary>
    public void Flush()
    {
        TellAllLosses();
        foreach (LaneWriter lane in _lanes.Open)
        {
            lane.Stream.Flush();
        }

        ExpectAck();
    }

    /// <summary>
    /// Ends the streams of all lanes behind what was written and what is to be told, for which there is room now.
    /// </summary>
    public void FinishWriting()
    {
        _hasGaps = false;
        foreach (LaneWriter lane in _lanes.Open)
        {
            TryTellLosses(lane, atAnyCost: true);
            lane.Stream.Flush();
        }

        foreach (LaneWriter lane in _lanes.Open)
        {
            Link!.Connection.FinishWriting(lane.Journal.Stream);
        }
    }

    /// <summary>Gives up the slabs that quiet lanes keep for their next frame.</summary>
    public void Trim()
    {
        foreach (LaneWriter lane in _lanes.Open)
        {
            lane.Stream.Trim();
        }
    }

    /// <summary>Bytes written in this turn and not handed over.</summary>
    public long WaitingBytes()
    {
        long waiting = 0;
        foreach (LaneWriter lane in _lanes.Open)
        {
            waiting += lane.Stream.Waiting;
        }

        return waiting;
    }

    private void WriteForward(
        LaneWriter lane, in EventRun run, uint alias, ReadOnlySpan<uint> members, bool membersOnly, int redirects)
    {
        ReadOnlySpan<byte> topic = alias == 0 ? run.Topic.Utf8 : default;
        int propertyBytes = run.Properties.Length + (alias == 0 ? PropertyWriter.Size(topic.Length) : 0);
        int headBytes = ForwardFrame.HeaderBytes + propertyBytes + (members.Length * ForwardFrame.MemberBytes);
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
        if (!members.IsEmpty)
        {
            ForwardFrame.WriteMembers(room, propertyBytes, members, membersOnly, redirects);
            rest = rest[(members.Length * ForwardFrame.MemberBytes)..];
        }

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

    /// <summary>The bound in bytes at the moment: less than the own one while memory is short.</summary>
    private long Limit => Math.Min(_limit, _budget.LinkCeiling);

    private bool IsFull()
    {
        long limit = Limit;
        if (QueuedBytes > limit)
        {
            return _full = true;
        }

        return _full && (_full = QueuedBytes > limit - (limit / 8));
    }

    /// <summary>Whether it is the link's own bound that was met, or what the node's memory leaves of it.</summary>
    private DropReason WhyFull(Priority priority)
    {
        long share = priority == Priority.Low ? _limit / 2 : _limit;
        return _stage == ChannelStage.Counting ? DropReason.LinkDown
            : QueuedBytes <= share - (_limit / 8) ? DropReason.Memory
            : DropReason.LinkFull;
    }

    /// <summary>
    /// Low priority has half of the queue, so that it never takes the place of others; high priority an eighth more
    /// than all, so that it still has room when the others have none.
    /// </summary>
    private bool IsFullFor(Priority priority)
    {
        long whole = Limit;
        long limit = priority == Priority.High ? whole + (whole / 8) : whole / 2;
        return whole < 0 || QueuedBytes > limit;
    }

    private bool IsTooLargeForPeer(in EventRun run)
    {
        int topicBytes = PropertyWriter.Size(run.Topic.Utf8.Length);
        long frameBytes = (long)ForwardFrame.HeaderBytes + run.Body.Length + run.Properties.Length + topicBytes;
        if (run.Body.Length <= _limits.MaxPayload && frameBytes <= _limits.MaxFrame)
        {
            return false; // the common case: whatever is inside fits
        }

        var reader = new RunReader(run.Body);
        while (reader.TryRead(out ReadOnlySpan<byte> payload))
        {
            if (payload.Length > _limits.MaxPayload)
            {
                return true;
            }
        }

        return frameBytes > _limits.MaxFrame;
    }

    private void MarkDirty()
    {
        if (!_dirty)
        {
            _dirty = true;
            _mesh.Loop.FlushAtEndOfTurn(this);
        }
    }
}
