using System.Diagnostics;
using NexusD.Protocol;
using NexusD.Routing;
using NexusD.Routing.Queues;
using NexusD.Routing.Retained;

namespace NexusD.Sessions;

/// <summary>
/// One subscription of a session. A run that matches is written to the session's outgoing bytes at once as long as the
/// client keeps up; otherwise it waits in a bounded queue that drops the oldest and says so in band.
/// </summary>
/// <remarks>
/// Invariant, in events: Matched = Delivered + queued + dropped of all reasons (+ abandoned at the end). Order: while
/// anything waits, everything waits, so events never overtake each other. Used on the loop's thread only.
/// </remarks>
internal sealed class Subscription : DeliveryTarget
{
    /// <summary>What one subscription may send before the next one's turn, in bytes.</summary>
    private const int TurnBytes = 64 * 1024;

    private readonly AppSession _session;
    private readonly int _queueEvents;
    private readonly long _queueBytes;
    private readonly bool _hasCreditLimit;
    private SubscriptionQueue? _queue;
    private RetainedCursor? _retained;
    private long _credit;
    private long _droppedTooLarge;
    private long[]? _countedDrops;
    private long _countedDropSum;
    private bool _isBacklogged;

    public Subscription(AppSession session, uint id, uint credit, int queueEvents, long queueBytes)
    {
        _session = session;
        Id = id;
        _hasCreditLimit = credit != 0;
        _credit = _hasCreditLimit ? credit : long.MaxValue;
        _queueEvents = queueEvents;
        _queueBytes = queueBytes;
    }

    /// <summary>The client's number for it.</summary>
    public uint Id { get; }

    /// <summary>Whether it stands in the session's line of those that have something to send.</summary>
    public bool IsInLine { get; set; }

    public bool IsClosed { get; private set; }

    /// <summary>Events that it should get.</summary>
    public long Matched { get; private set; }

    /// <summary>Events written to the client.</summary>
    public long Delivered { get; private set; }

    public int QueuedEvents => _queue?.Events ?? 0;

    /// <summary>Whether something can be sent now.</summary>
    public bool HasDue => !IsClosed
        && ((_credit > 0 && (_retained is not null || _queue is { IsEmpty: false }))
            || _queue is { IsEmpty: true, HasGaps: true });

    /// <inheritdoc/>
    public override void Deliver(in EventRun run, ref RouteEntry entry)
    {
        Matched += run.Count;
        _session.Statistics.MatchedCount += run.Count;
        _retained?.NoteLive(run);
        if (!_isBacklogged && _credit > 0 && _session.HasRoom)
        {
            int frameBytes = _session.WriteDeliver(this, run, ref entry);
            if (frameBytes > 0)
            {
                CountDelivered(run.Count, frameBytes);
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
        _session.Line(this);
    }

    /// <summary>Lets more bytes come.</summary>
    public void AddCredit(uint bytes)
    {
        if (_hasCreditLimit)
        {
            _credit = Math.Min(_credit + bytes, ProtocolLimits.MaxCreditBytes);
            _session.Line(this);
        }
    }

    /// <summary>The retained events that are still to be sent, none of them twice.</summary>
    public void StartRetained(ReadOnlySpan<RetainedEvent> events)
    {
        _retained = new RetainedCursor(events);
        _session.Line(this);
    }

    /// <summary>Sends what waits as far as credit and this turn go; returns whether anything was sent.</summary>
    public bool SendDue(ulong nowHlc)
    {
        bool sent = false;
        if (_queue is { } queue && _isBacklogged)
        {
            int queued = queue.Events;
            sent = SendQueued(queue, nowHlc);
            CountDrops(queue);
            _session.Statistics.QueuedCount += queue.Events - queued;
            _isBacklogged = !queue.IsEmpty || queue.HasGaps;
        }

        return _retained is null ? sent : SendRetained(_retained) || sent;
    }

    /// <summary>Ends it: nothing is sent any more, its memory is given back.</summary>
    public void Close()
    {
        IsClosed = true;
        _retained = null;
        if (_queue is { } queue)
        {
            _session.Statistics.QueuedCount -= queue.Events;
            _session.Statistics.AbandonedCount += queue.Events;
            queue.Dispose();
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
        Matched == Delivered + QueuedEvents + _countedDropSum + (_queue?.AbandonedEvents ?? 0),
        "a subscription lost events silently");

    private void CountDelivered(int events, int frameBytes)
    {
        _credit -= frameBytes;
        Delivered += events;
        _session.CountDelivered(events, frameBytes);
    }

    private void Enqueue(in EventRun run)
    {
        SubscriptionQueue queue = Queue();
        if (_session.ExceedsFrameLimit(run))
        {
            // The client said that it takes no such frame; no queue helps.
            _droppedTooLarge += run.Count;
            queue.EnqueueGap(new GapNotice(
                run.Publisher, run.Number, run.LastNumber, (ulong)run.Count, DropReason.TooLarge, _session.NodeName));
        }
        else
        {
            int queued = queue.Events;
            queue.Enqueue(run);
            _session.Statistics.QueuedCount += queue.Events - queued;
        }

        CountDrops(queue);
        _isBacklogged = true;
        _session.Line(this);
        AssertInvariants();
    }

    private SubscriptionQueue Queue() => _queue ??= _session.CreateQueue(_queueEvents, _queueBytes);

    private bool SendQueued(SubscriptionQueue queue, ulong nowHlc)
    {
        bool sent = false;
        int left = TurnBytes;
        while (_credit > 0 && left > 0 && queue.TryPeek(nowHlc, out EventRun run))
        {
            SendGaps(queue);
            int frameBytes = _session.WriteQueued(this, run);
            CountDelivered(run.Count, frameBytes);
            queue.Dequeue();
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
            _session.WriteGap(this, gap);
            sent = true;
        }

        return sent;
    }

    private bool SendRetained(RetainedCursor cursor)
    {
        bool sent = false;
        for (int left = TurnBytes; _credit > 0 && left > 0;)
        {
            if (!cursor.TryNext(out RetainedEvent? retained))
            {
                _retained = null;
                break;
            }

            EventRun run = retained.AsRun();
            if (_session.ExceedsFrameLimit(run))
            {
                continue; // no loss in a stream of events: this client cannot take that state
            }

            int frameBytes = _session.WriteRetained(this, run);
            Matched++;
            _session.Statistics.MatchedCount++;
            _session.Statistics.RetainedSentCount++;
            CountDelivered(1, frameBytes);
            left -= frameBytes;
            sent = true;
        }

        return sent;
    }

    /// <summary>Passes on what the queue dropped since the last look.</summary>
    private void CountDrops(SubscriptionQueue queue)
    {
        long sum = queue.DroppedEvents() + _droppedTooLarge;
        if (sum == _countedDropSum)
        {
            return;
        }

        _countedDropSum = sum;
        _countedDrops ??= new long[DropReasonNames.Count];
        for (int reason = 1; reason < _countedDrops.Length; reason++)
        {
            long now = queue.DroppedEvents((DropReason)reason);
            now += reason == (int)DropReason.TooLarge ? _droppedTooLarge : 0;
            _session.Statistics.CountDropped((DropReason)reason, now - _countedDrops[reason]);
            _countedDrops[reason] = now;
        }
    }
}
