using System.Diagnostics;
using NexusD.Buffers;
using NexusD.Protocol;

namespace NexusD.Routing.Queues;

/// <summary>
/// The runs that wait for a subscriber who cannot take them at once. Bounded in events and in bytes; its policy says
/// what happens when it is full. Events are dropped one by one, also out of the middle of a run's life, and the
/// subscriber is told which.
/// </summary>
/// <remarks>
/// <para>Use: <see cref="Enqueue"/> what matches. To deliver: <see cref="TryPeek"/>, then <see cref="TryTakeGap"/>
/// until it says no and send those notices, then send the run and <see cref="Dequeue()"/> it. A peeked run is borrowed
/// until the next call that changes the queue.</para>
/// <para>Order: high priority before normal before low; within a class as enqueued. With
/// <see cref="OverflowPolicy.Conflate"/> an event takes the place of the one of its topic that waits.</para>
/// <para>Memory: bytes are copied once into slabs; a body that fills at least half of a shared slab is kept by
/// reference. The bytes counted are payloads with their sizes, properties, and 96 per run; slabs may take up to twice
/// that.</para>
/// <para>Invariants: <see cref="Events"/> and <see cref="Bytes"/> exceed their bounds only by what
/// <see cref="EnqueueBeyond"/> took, and <see cref="MatchedEvents"/> = <see cref="DeliveredEvents"/> +
/// <see cref="Events"/> + drops of all reasons, in events. <see cref="Dispose"/> drops what waits, as
/// <see cref="DropReason.SessionClosed"/>, and gives all memory back.</para>
/// <para>For one thread.</para>
/// </remarks>
public sealed partial class SubscriptionQueue : IDisposable
{
    /// <summary>Least bound in bytes: a run of several events with its properties always fits.</summary>
    public const long MinimumMaxBytes = 64 * 1024;

    // Made when something is lost: most queues lose nothing, and there may be 100,000 of them.
    private GapLedger? _gaps;
    private long[]? _dropped;
    private readonly string _nodeName;
    private readonly SlabPool _pool;
    private readonly ILossListener? _listener;
    private readonly ClassQueue _normal;
    private ClassQueue? _high;
    private ClassQueue? _low;
    private bool _isBeyond;
    private bool _isDisposed;

    /// <param name="settings">Bounds and policy.</param>
    /// <param name="pool">Where the memory comes from.</param>
    /// <param name="nodeName">Name of this node, for gap notices.</param>
    /// <param name="listener">Hears of every loss, apart from those of events that newer ones replaced.</param>
    public SubscriptionQueue(
        QueueSettings settings, SlabPool pool, string nodeName = "", ILossListener? listener = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(settings.MaxEvents, nameof(settings));
        ArgumentOutOfRangeException.ThrowIfNegative(settings.MaxBytes, nameof(settings));
        MaxEvents = settings.MaxEvents;
        MaxBytes = Math.Max(settings.MaxBytes, MinimumMaxBytes);
        Policy = settings.Policy;
        _pool = pool;
        _normal = new ClassQueue(pool);
        _nodeName = nodeName;
        _listener = listener;
    }

    public int MaxEvents { get; }

    public long MaxBytes { get; }

    /// <summary>What happens when it is full.</summary>
    public OverflowPolicy Policy { get; }

    /// <summary>Events that wait.</summary>
    public int Events => BoundedEvents + (_again?.Events ?? 0);

    /// <summary>Bytes that they count against <see cref="MaxBytes"/>.</summary>
    public long Bytes => BoundedBytes + (_again?.Bytes ?? 0);

    public bool IsEmpty => _normal.IsEmpty && (_high?.IsEmpty ?? true) && (_low?.IsEmpty ?? true) && _again is null;

    /// <summary>True when <see cref="TryTakeGap"/> has something to say.</summary>
    public bool HasGaps => _gaps is { IsEmpty: false };

    /// <summary>Events ever enqueued.</summary>
    public long MatchedEvents { get; private set; }

    /// <summary>Events ever dequeued.</summary>
    public long DeliveredEvents { get; private set; }

    /// <summary>Events dropped so far for all reasons.</summary>
    public long DroppedEventsSum { get; private set; }

    /// <summary>Events dropped for a reason so far.</summary>
    public long DroppedEvents(DropReason reason) =>
        _dropped is not null && (int)reason < _dropped.Length ? _dropped[(int)reason] : 0;

    /// <summary>Takes a run as the policy says; a blocking queue drops what does not fit.</summary>
    /// <remarks>
    /// An event that alone exceeds <see cref="MaxBytes"/> is dropped as too large and nothing else for it.
    /// </remarks>
    public void Enqueue(in EventRun run)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        MatchedEvents += run.Count;
        if (Policy == OverflowPolicy.Conflate)
        {
            Conflate(run);
        }
        else if (HasRoomFor(run.Count, QueuedRun.CostOf(run)))
        {
            QueueOf(run.Priority).Append(run);
        }
        else
        {
            DropExpiredHeads(run.Timestamp);
            if (Policy == OverflowPolicy.DropOldest)
            {
                EnqueueEnd(run);
            }
            else
            {
                EnqueueStart(run);
            }
        }

        AssertCounts();
    }

    /// <summary>Whether a run would be taken whole and for nothing in return.</summary>
    public bool HasRoomFor(in EventRun run)
    {
        if (HasRoomFor(run.Count, QueuedRun.CostOf(run)))
        {
            return true;
        }

        DropExpiredHeads(run.Timestamp);
        return HasRoomFor(run.Count, QueuedRun.CostOf(run));
    }

    /// <summary>Takes a run although it does not fit; the caller sees to it that few do so at a time.</summary>
    /// <returns>False when it never fits, and was dropped as too large.</returns>
    public bool EnqueueBeyond(in EventRun run)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        MatchedEvents += run.Count;
        if (QueuedRun.CostOf(run) > MaxBytes)
        {
            Drop(run.Publisher, run.Number, run.Count, DropReason.TooLarge);
            return false;
        }

        _isBeyond = true;
        QueueOf(run.Priority).Append(run);
        AssertCounts();
        return true;
    }

    /// <summary>Whether an eighth of the queue is free, or it is as good as empty.</summary>
    public bool IsRelieved =>
        BoundedEvents <= MaxEvents - (MaxEvents / 8) && BoundedBytes <= Bound - (Bound / 8);

    /// <summary>Bytes that <see cref="CutTo"/> may drop.</summary>
    public long DroppableBytes =>
        (Policy == OverflowPolicy.Block ? 0 : BoundedBytes) + (_sent?.CuttableBytes ?? 0) + (_again?.Bytes ?? 0);

    /// <summary>
    /// Drops events until what waits counts at most so many bytes, because the node has no memory for more: of the
    /// lowest class first, the oldest or the newest by policy; of a blocking queue none that wait for the first
    /// time. What was sent once and is not confirmed gives way whatever the policy, the oldest first.
    /// </summary>
    public void CutTo(long bytes)
    {
        CutSentTo(bytes);
        while (Policy != OverflowPolicy.Block && BoundedBytes > bytes && LowestUpTo(Priority.High) is { } queue)
        {
            if (Policy == OverflowPolicy.DropNewest)
            {
                DropTail(queue, DropReason.Memory);
            }
            else
            {
                DropHead(queue, DropReason.Memory);
            }
        }

        _high?.Shrink();
        _normal.Shrink();
        _low?.Shrink();
        AssertCounts();
    }

    /// <summary>
    /// Drops the last events of a run that <see cref="EnqueueBeyond"/> took, until the queue is within its bounds or
    /// none is left of that run.
    /// </summary>
    public void GiveUpBeyond(ulong publisher, ulong lastNumber, Priority priority, DropReason reason)
    {
        ClassQueue queue = QueueOf(priority);
        for (long at = queue.HeadPosition + queue.Runs - 1; at >= queue.HeadPosition; at--)
        {
            ref QueuedRun run = ref queue.At(at);
            if (run.Publisher == publisher && run.Number + (ulong)run.Count - 1 == lastNumber)
            {
                CutToBounds(queue, at, reason);
                break;
            }
        }

        AssertCounts();
    }

    /// <summary>Drops a run that the subscriber cannot take at all.</summary>
    public void Refuse(in EventRun run, DropReason reason)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        MatchedEvents += run.Count;
        Drop(run.Publisher, run.Number, run.Count, reason);
    }

    /// <summary>
    /// Notes a loss that happened before the events came here, to be told in its turn; no event of this queue.
    /// </summary>
    public void EnqueueGap(in GapNotice gap) => Gaps().Add(gap);

    /// <summary>The next run that is not expired; expired ones are dropped and noted as gaps.</summary>
    public bool TryPeek(ulong nowHlc, out EventRun run)
    {
        while (First() is { } queue)
        {
            ref QueuedRun head = ref queue.Head;
            if (!head.IsExpired(nowHlc))
            {
                run = head.AsRun();
                return true;
            }

            DropHead(queue, DropReason.Expired);
        }

        run = default;
        return false;
    }

    /// <summary>Removes the next run, because it was delivered.</summary>
    public void Dequeue() => Dequeue(int.MaxValue);

    /// <summary>
    /// Removes up to <paramref name="events"/> events of the next run, because they were delivered.
    /// </summary>
    public void Dequeue(int events)
    {
        ClassQueue queue = First() ?? throw new InvalidOperationException("an empty queue has nothing to dequeue");
        int count = queue.Head.Count;
        if (events >= count)
        {
            DeliveredEvents += count;
            RemoveHead(queue);
        }
        else
        {
            DeliveredEvents += events;
            for (; events > 0; events--)
            {
                queue.RemoveFirstEvent();
            }
        }

        _isBeyond = _isBeyond && !IsWithinOwnBounds;
        AssertCounts();
    }

    /// <summary>Takes out a notice of lost events; see the type comment for when it has to be sent.</summary>
    public bool TryTakeGap(out GapNotice gap)
    {
        gap = default;
        return _gaps is not null && _gaps.TryTake(out gap);
    }

    /// <summary>Adds what waits to a tally by topic.</summary>
    public void AddTo(TopicTally tally)
    {
        _high?.AddTo(tally);
        _normal.AddTo(tally);
        _low?.AddTo(tally);
    }

    /// <summary>Drops what waits and gives all memory back; the queue is of no use afterwards.</summary>
    public void Dispose()
    {
        if (_isDisposed)
        {
            return;
        }

        _isDisposed = true;
        while (First() is { } queue)
        {
            DropHead(queue, DropReason.SessionClosed);
        }

        ReleaseSent();
        _gaps = null;
    }

    /// <summary>Checks the invariants of the type comment; walks all runs.</summary>
    [Conditional("DEBUG")]
    internal void AssertInvariants()
    {
        _normal.AssertInvariants();
        _high?.AssertInvariants();
        _low?.AssertInvariants();
        _again?.AssertInvariants();
        Debug.Assert(_waiting is null || _waiting.Count == BoundedEvents, "a topic that waits was lost count of");
        AssertCounts();
    }

    [Conditional("DEBUG")]
    private void AssertCounts()
    {
        Debug.Assert(_isBeyond || IsWithinOwnBounds, "the queue is above its bounds");
        Debug.Assert(MatchedEvents == DeliveredEvents + Events + DroppedEventsSum, "events were lost silently");
        Debug.Assert(!IsEmpty || (Events == 0 && Bytes == 0), "an empty queue counts events");
    }
}
