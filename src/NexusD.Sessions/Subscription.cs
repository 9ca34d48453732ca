using System.Diagnostics;
using NexusD.Protocol;
using NexusD.Protocol.Topics;
using NexusD.Routing;
using NexusD.Routing.Queues;
using NexusD.Routing.Recovery;

namespace NexusD.Sessions;

/// <summary>
/// One subscription of a session. A run that matches is written to the session's outgoing bytes at once as long as the
/// client keeps up; otherwise it waits in a bounded queue, and what that drops is told in band.
/// </summary>
/// <remarks>
/// Invariant, in events: Matched = Delivered + rerouted + queued + dropped of all reasons. Order: while anything
/// waits, everything
/// waits, so events of a class never overtake each other. Used on the loop's thread only.
/// </remarks>
internal sealed partial class Subscription : DeliveryTarget
{
    /// <summary>What one subscription may send before the next one's turn, in bytes.</summary>
    private const int TurnBytes = 64 * 1024;

    private readonly SessionTable _table;
    private AppSession? _session; // null only while it is kept without a connection; then _isBacklogged is true
    private readonly QueueSettings _settings;
    private readonly int _blockTimeoutMs;
    private bool _hasCreditLimit;
    private readonly IReadOnlyList<GroupFilter>? _groups;
    private SubscriptionQueue? _queue;
    private ResumeWatch? _watch;
    private long _credit;
    private long[]? _countedDrops;
    private long _countedDropSum;
    private List<HeldPublisher>? _held;
    private bool _isBacklogged;

    public Subscription(
        SessionTable table,
        AppSession session,
        uint id,
        uint credit,
        QueueSettings settings,
        int blockTimeoutMs,
        IReadOnlyList<GroupFilter> groups)
    {
        _table = table;
        _session = session;
        Id = id;
        _hasCreditLimit = credit != 0;
        _credit = _hasCreditLimit ? credit : long.MaxValue;
        _settings = settings;
        _blockTimeoutMs = blockTimeoutMs;
        _groups = groups.Count > 0 ? groups : null;
    }

    /// <summary>The client's number for it.</summary>
    public uint Id { get; private set; }

    /// <summary>Whether it stands in the session's line of those that have something to send.</summary>
    public bool IsInLine { get; set; }

    public bool IsClosed { get; private set; }

    /// <summary>Events that it should get.</summary>
    public long Matched { get; private set; }

    /// <summary>Events written to the client.</summary>
    public long Delivered { get; private set; }

    /// <summary>Events that went to other members of its group when it ended.</summary>
    public long Rerouted { get; private set; }

    /// <inheritdoc/>
    public override long PendingBytes => (_queue?.Bytes ?? 0) + (_session?.PendingBytes ?? 0);

    public int QueuedEvents => _queue?.Events ?? 0;

    /// <summary>Bytes that wait and may be dropped.</summary>
    public long DroppableBytes => IsClosed || _isOffering ? 0 : _queue?.DroppableBytes ?? 0;

    /// <summary>Whether something can be sent now.</summary>
    public bool HasDue => !IsClosed && !_isSuspended
        && ((_credit > 0 && (_retained is not null || _queue is { IsEmpty: false }))
            || _queue is { IsEmpty: true, HasGaps: true });

    /// <inheritdoc/>
    public override void Deliver(in EventRun run, ref RouteEntry entry)
    {
        Matched += run.Count;
        _table.Statistics.MatchedCount += run.Count;
        _retained?.NoteLive(run);
        if (_watch is not null && (run.Flags & RunFlags.Retained) == 0)
        {
            NoteMissed(run);
        }

        if (!_isBacklogged && _credit > 0 && _session!.HasRoom)
        {
            int frameBytes = _session.WriteDeliver(this, run, ref entry);
            if (frameBytes > 0)
            {
                CountDelivered(run.Count, frameBytes);
                if (_keep is not null)
                {
                    _queue!.NoteSent(run, frameBytes);
                }

                return;
            }
        }

        Enqueue(run);
    }

    /// <inheritdoc/>
    public override void DeliverGap(in GapNotice gap)
    {
        Queue().EnqueueGap(gap);
        _isBacklogged = true;
        _session?.Line(this);
    }

    /// <inheritdoc/>
    public override void DeliverLoss(in EventRun run, DropReason reason, string where)
    {
        Matched += run.Count;
        _table.Statistics.MatchedCount += run.Count;
        SubscriptionQueue queue = Queue();
        queue.Refuse(run, reason);
        CountDrops(queue);
        _isBacklogged = true;
        _session?.Line(this);
        AssertInvariants();
    }

    /// <summary>What was missed is told when events of these publishers come.</summary>
    public void Watch(ResumeWatch? watch) => _watch = watch;

    /// <summary>Lets more bytes come.</summary>
    public void AddCredit(uint bytes)
    {
        if (_keep is not null)
        {
            _queue!.Confirm(bytes);
        }

        if (_hasCreditLimit)
        {
            _credit = Math.Min(
                _credit + bytes,
                _keep is null ? ProtocolLimits.MaxCreditBytes : ProtocolLimits.MaxKeptCreditBytes);
            _session?.Line(this);
        }
    }

    /// <summary>Sends what waits as far as credit and this turn go; returns whether anything was sent.</summary>
    public bool SendDue(ulong nowHlc)
    {
        bool sent = false;
        if (_isSuspended)
        {
            return false;
        }

        if (_queue is { } queue && _isBacklogged)
        {
            int queued = queue.Events;
            sent = SendQueued(queue, nowHlc);
            Settle(queue, queued);
            _isBacklogged = !queue.IsEmpty || queue.HasGaps;
            if (_held is not null && queue.IsRelieved)
            {
                ReleaseAll();
            }
        }

        return _retained is null ? sent : SendRetained(_retained, nowHlc) || sent;
    }

    /// <summary>A publisher waits no longer: what does not fit of its last run is dropped.</summary>
    public void GiveUp(HeldPublisher hold, DropReason reason)
    {
        int queued = _queue!.Events;
        _queue.GiveUpBeyond(hold.PublisherId, hold.LastNumber, hold.Priority, reason);
        Settle(_queue, queued);
        _session?.Line(this);
        _held?.Remove(hold);
        hold.Session.Release(hold);
    }

    /// <summary>Adds what waits to a tally by topic.</summary>
    public void AddTo(TopicTally tally) => _queue?.AddTo(tally);

    /// <summary>Keeps to a ceiling that memory sets: drops what is above, or lets publishers go on.</summary>
    public void Lower(long ceiling)
    {
        if (_queue is not { } queue || IsClosed || _isOffering)
        {
            return;
        }

        if (queue.DroppableBytes > ceiling)
        {
            int queued = queue.Events;
            queue.CutTo(ceiling);
            Settle(queue, queued);
            _isBacklogged = true;
            _session?.Line(this);
            if (_keep is { IsDetached: true })
            {
                _table.Kept.Resize(this);
            }

            AssertInvariants();
        }

        if (_held is not null && queue.IsRelieved)
        {
            ReleaseAll();
        }
    }

    public SubscriptionSnapshot TakeSnapshot()
    {
        (int filters, string filter) = Router.DescribeFilters(this);
        return new SubscriptionSnapshot(
            Id, filter, filters, _settings.Policy, Matched, Delivered, QueuedEvents, _queue?.Bytes ?? 0,
            (long[]?)_countedDrops?.Clone() ?? [], _held?.Count ?? 0)
        {
            Kept = TakeKeptSnapshot(),
        };
    }

    /// <summary>Ends it: nothing is sent any more, what waits is dropped, its memory is given back.</summary>
    public void Close()
    {
        IsClosed = true;
        _retained = null;
        ForgetHad();
        if (_queue is { } queue)
        {
            int queued = queue.Events;
            Reroute(queue);
            queue.Dispose();
            Settle(queue, queued);
            ReleaseAll();
            AssertInvariants();
        }
    }

    /// <summary>Adds the events dropped so far, by reason.</summary>
    public void AddDropsTo(long[] dropped)
    {
        for (int reason = 0; reason < (_countedDrops?.Length ?? 0); reason++)
        {
            dropped[reason] += _countedDrops![reason];
        }
    }

    [Conditional("DEBUG")]
    internal void AssertInvariants() => Debug.Assert(
        Matched == Delivered + Rerouted + QueuedEvents + _countedDropSum, "a subscription lost events silently");

    /// <summary>What still waits for a member of a group goes to the others; it has left the group by now.</summary>
    private void Reroute(SubscriptionQueue queue)
    {
        while (_groups is not null
            && queue.TryPeekNew(_table.NowHlc(), out EventRun run)
            && _table.Router.Reroute(_groups, run))
        {
            Rerouted += run.Count;
            _table.Statistics.ReroutedCount += run.Count;
            queue.DequeueNew();
        }
    }

    private void NoteMissed(in EventRun run)
    {
        if (_watch!.TryNote(run, _table.NowHlc(), out GapNotice gap))
        {
            DeliverGap(gap);
        }

        _watch = _watch.IsDone ? null : _watch;
    }

    private void CountDelivered(int events, int frameBytes)
    {
        _credit -= frameBytes;
        Delivered += events;
        _session!.CountDelivered(events, frameBytes);
    }

    private void Enqueue(in EventRun run)
    {
        if (_table.Budget.IsDue)
        {
            _table.Budget.Settle();
        }

        SubscriptionQueue queue = Queue();
        int queued = queue.Events;
        if (_session is { } session && session.ExceedsFrameLimit(run))
        {
            // The client said that it takes no such frame; no queue helps.
            queue.Refuse(run, DropReason.TooLarge);
        }
        else if (_settings.Policy != OverflowPolicy.Block || !TryBlock(queue, run))
        {
            queue.Enqueue(run);
        }

        Settle(queue, queued);
        _isBacklogged = true;
        _session?.Line(this);
        AssertInvariants();
    }

    /// <summary>
    /// Takes a run that does not fit and lets its publisher wait; false: it fits, or nobody can be made to wait.
    /// </summary>
    private bool TryBlock(SubscriptionQueue queue, in EventRun run)
    {
        // A session that waited for itself would wait in vain: its CREDIT is behind what it publishes. Where nobody
        // takes anything for a while all would wait in vain.
        if (_isSuspended
            || _table.Publishing is not { CanBeHeld: true } publisher
            || publisher == _session
            || _blockTimeoutMs == 0
            || queue.HasRoomFor(run))
        {
            return false;
        }

        if (queue.EnqueueBeyond(run))
        {
            long dueNs = _table.Loop.NowNs + (_blockTimeoutMs * 1_000_000L);
            var hold = new HeldPublisher(publisher, this, run.Publisher, run.LastNumber, run.Priority, dueNs);
            (_held ??= []).Add(hold);
            publisher.Hold(hold);
        }

        return true;
    }

    private void ReleaseAll()
    {
        List<HeldPublisher>? held = _held;
        _held = null;
        foreach (HeldPublisher hold in held ?? [])
        {
            hold.Session.Release(hold);
        }
    }

    private SubscriptionQueue Queue() => _queue ??= _table.Router.CreateQueue(_settings);

    /// <summary>Passes on what a change of the queue means for the sums of all.</summary>
    private void Settle(SubscriptionQueue queue, int queuedBefore)
    {
        CountDrops(queue);
        _table.Statistics.QueuedCount += queue.Events - queuedBefore;
        NoteKeptBytes();
    }

    private bool SendQueued(SubscriptionQueue queue, ulong nowHlc)
    {
        bool sent = false;
        int left = TurnBytes;
        while (_credit > 0 && left > 0 && queue.TryPeek(nowHlc, out EventRun run))
        {
            SendGaps(queue);
            if (_keep is not null && _session!.ExceedsFrameLimit(run))
            {
                queue.DropNext(DropReason.TooLarge); // another client has it now, which takes less
                continue;
            }

            int frameBytes = _session!.WriteQueued(this, run);
            CountDelivered(run.Count, frameBytes);
            queue.DequeueSent(frameBytes);
            left -= frameBytes;
            sent = true;
        }

        return queue.IsEmpty ? SendGaps(queue) || sent : sent;
    }

    private bool SendGaps(SubscriptionQueue queue)
    {
        bool sent = false;
        while (queue.TryTakeGap(out GapNotice gap))
        {
            _session!.WriteGap(this, gap);
            queue.NoteSent(gap);
            sent = true;
        }

        return sent;
    }

    /// <summary>Passes on what the queue dropped since the last look.</summary>
    private void CountDrops(SubscriptionQueue queue)
    {
        if (queue.DroppedEventsSum == _countedDropSum)
        {
            return;
        }

        _countedDropSum = queue.DroppedEventsSum;
        _countedDrops ??= new long[DropReasonNames.Count];
        for (int reason = 1; reason < _countedDrops.Length; reason++)
        {
            long now = queue.DroppedEvents((DropReason)reason);
            _table.Statistics.CountDropped((DropReason)reason, now - _countedDrops[reason]);
            _countedDrops[reason] = now;
        }
    }
}
