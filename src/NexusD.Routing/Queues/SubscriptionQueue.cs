using System.Buffers;
using System.Diagnostics;
using NexusD.Buffers;
using NexusD.Protocol;

namespace NexusD.Routing.Queues;

/// <summary>
/// The runs that wait for a subscriber who cannot take them at once. Bounded in events and in bytes; when full, the
/// oldest events are dropped one by one, also out of the middle of a run's life, and the subscriber is told which.
/// </summary>
/// <remarks>
/// <para>Use: <see cref="Enqueue"/> what matches. To deliver: <see cref="TryPeek"/>, then <see cref="TryTakeGap"/>
/// until it says no and send those notices, then send the run and <see cref="Dequeue()"/> it. A peeked run is borrowed
/// until the next call that changes the queue.</para>
/// <para>Memory: bytes are copied once into slabs; a body that fills at least half of a shared slab is kept by
/// reference. The bytes counted are payloads with their sizes, properties, and 96 per run; slabs may take up to twice
/// that.</para>
/// <para>Invariants: <see cref="Events"/> and <see cref="Bytes"/> never exceed their bounds, and
/// <see cref="MatchedEvents"/> = <see cref="DeliveredEvents"/> + <see cref="Events"/> + drops of all reasons, in
/// events. After <see cref="Dispose"/> all memory is back in the pool and what waited counts as
/// <see cref="AbandonedEvents"/>.</para>
/// <para>For one thread.</para>
/// </remarks>
public sealed class SubscriptionQueue : IDisposable
{
    /// <summary>Least bound in bytes: a run of several events with its properties always fits.</summary>
    public const long MinimumMaxBytes = 64 * 1024;

    private const int LeastRoom = 16;
    private const int Reasons = 8;

    // Made when something is lost: most queues lose nothing, and there may be 100,000 of them.
    private GapLedger? _gaps;
    private long[]? _dropped;
    private readonly string _nodeName;
    private QueuedRun[] _runs = [];
    private RunMemory _memory;
    private int _head;
    private int _runCount;
    private bool _isDisposed;

    /// <param name="maxEvents">Most events that wait, at least 1.</param>
    /// <param name="maxBytes">Most bytes that they count; raised to <see cref="MinimumMaxBytes"/> when below.</param>
    /// <param name="pool">Where the memory comes from.</param>
    /// <param name="nodeName">Name of this node, for gap notices.</param>
    public SubscriptionQueue(int maxEvents, long maxBytes, SlabPool pool, string nodeName = "")
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxEvents);
        ArgumentOutOfRangeException.ThrowIfNegative(maxBytes);
        MaxEvents = maxEvents;
        MaxBytes = Math.Max(maxBytes, MinimumMaxBytes);
        _memory = new RunMemory(pool);
        _nodeName = nodeName;
    }

    public int MaxEvents { get; }

    public long MaxBytes { get; }

    /// <summary>What happens when it is full.</summary>
    public OverflowPolicy Policy { get; } = OverflowPolicy.DropOldest;

    /// <summary>Events that wait.</summary>
    public int Events { get; private set; }

    /// <summary>Bytes that they count against <see cref="MaxBytes"/>.</summary>
    public long Bytes { get; private set; }

    public bool IsEmpty => _runCount == 0;

    /// <summary>True when <see cref="TryTakeGap"/> has something to say.</summary>
    public bool HasGaps => _gaps is { IsEmpty: false };

    /// <summary>Events ever enqueued.</summary>
    public long MatchedEvents { get; private set; }

    /// <summary>Events ever dequeued.</summary>
    public long DeliveredEvents { get; private set; }

    /// <summary>Events that still waited when the queue was disposed of.</summary>
    public long AbandonedEvents { get; private set; }

    /// <summary>Events dropped for a reason so far.</summary>
    public long DroppedEvents(DropReason reason) => _dropped?[(int)reason % Reasons] ?? 0;

    /// <summary>Events dropped so far for all reasons.</summary>
    public long DroppedEvents()
    {
        long sum = 0;
        foreach (long dropped in _dropped ?? [])
        {
            sum += dropped;
        }

        return sum;
    }

    /// <summary>
    /// Takes a run; drops the oldest events, those of the run itself last, until the rest is within the bounds.
    /// </summary>
    /// <remarks>
    /// An event that alone exceeds <see cref="MaxBytes"/> is dropped as too large and nothing else for it.
    /// </remarks>
    public void Enqueue(in EventRun run)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        MatchedEvents += run.Count;
        long cost = QueuedRun.CostOf(run);
        if (run.Count <= MaxEvents && cost <= MaxBytes)
        {
            MakeRoom(run.Count, cost);
            Append(run);
        }
        else if (run.Count == 1)
        {
            Drop(run.Publisher, run.Number, 1, DropReason.TooLarge);
        }
        else
        {
            EnqueueEnd(run);
        }

        AssertCounts();
    }

    /// <summary>
    /// Notes a loss that happened before the events came here, to be told in its turn; no event of this queue.
    /// </summary>
    public void EnqueueGap(in GapNotice gap) => Gaps().Add(gap);

    /// <summary>The oldest run that is not expired; expired ones are dropped and noted as gaps.</summary>
    public bool TryPeek(ulong nowHlc, out EventRun run)
    {
        while (_runCount > 0)
        {
            ref QueuedRun head = ref _runs[_head];
            if (!head.IsExpired(nowHlc))
            {
                run = head.AsRun();
                return true;
            }

            DropHead(DropReason.Expired);
        }

        run = default;
        return false;
    }

    /// <summary>Removes the oldest run, because it was delivered.</summary>
    public void Dequeue() => Dequeue(int.MaxValue);

    /// <summary>
    /// Removes up to <paramref name="events"/> events of the oldest run, because they were delivered.
    /// </summary>
    public void Dequeue(int events)
    {
        if (_runCount == 0)
        {
            throw new InvalidOperationException("an empty queue has nothing to dequeue");
        }

        ref QueuedRun head = ref _runs[_head];
        if (events >= head.Count)
        {
            DeliveredEvents += head.Count;
            RemoveHead();
        }
        else
        {
            DeliveredEvents += events;
            for (; events > 0; events--)
            {
                RemoveFirstEvent(ref head);
            }
        }

        AssertCounts();
    }

    /// <summary>Takes out a notice of lost events; see the type comment for when it has to be sent.</summary>
    public bool TryTakeGap(out GapNotice gap)
    {
        gap = default;
        return _gaps is not null && _gaps.TryTake(out gap);
    }

    /// <summary>Gives all memory back; the queue is of no use afterwards.</summary>
    public void Dispose()
    {
        if (_isDisposed)
        {
            return;
        }

        _isDisposed = true;
        AbandonedEvents = Events;
        while (_runCount > 0)
        {
            RemoveHead();
        }
    }

    /// <summary>Checks the invariants of the type comment; walks all runs.</summary>
    [Conditional("DEBUG")]
    internal void AssertInvariants()
    {
        long bytes = 0;
        int events = 0;
        for (int i = 0; i < _runCount; i++)
        {
            ref QueuedRun run = ref _runs[(_head + i) % _runs.Length];
            bytes += run.CostBytes;
            events += run.Count;
            Debug.Assert(run.Count > 0, "an empty run was kept");
            Debug.Assert(run.BodyBytes >= EventRunBody.SizeFieldBytes * run.Count, "a run lost bytes");
        }

        Debug.Assert(bytes == Bytes && events == Events, "the queue lost count");
        AssertCounts();
    }

    [Conditional("DEBUG")]
    private void AssertCounts()
    {
        Debug.Assert(Events <= MaxEvents && Bytes <= MaxBytes, "the queue is above its bounds");
        Debug.Assert(MatchedEvents == DeliveredEvents + Events + DroppedEvents(), "events were lost silently");
        Debug.Assert(_runCount > 0 || (Events == 0 && Bytes == 0), "an empty queue counts events");
    }

    private void MakeRoom(int events, long bytes)
    {
        while (Events + events > MaxEvents || Bytes + bytes > MaxBytes)
        {
            ref QueuedRun head = ref _runs[_head];
            bool isWholeRunTooMany = head.Count == 1
                || Events + events - MaxEvents >= head.Count
                || Bytes + bytes - MaxBytes >= head.CostBytes - QueuedRun.OverheadBytes - head.PropertyBytes;
            if (isWholeRunTooMany)
            {
                DropHead(DropReason.QueueFull);
            }
            else
            {
                DropSomeOfHead(ref head, events, bytes);
            }
        }
    }

    private void DropSomeOfHead(ref QueuedRun head, int events, long bytes)
    {
        ulong first = head.Number;
        while (head.Count > 1 && (Events + events > MaxEvents || Bytes + bytes > MaxBytes))
        {
            RemoveFirstEvent(ref head);
        }

        Drop(head.Publisher, first, (int)(head.Number - first), DropReason.QueueFull);
    }

    /// <summary>Takes the end of a run that is too long for the whole queue.</summary>
    private void EnqueueEnd(in EventRun run)
    {
        while (_runCount > 0)
        {
            DropHead(DropReason.QueueFull);
        }

        int skipped = 0;
        int offset = 0;
        long cost = QueuedRun.CostOf(run);
        while (skipped < run.Count - 1 && (run.Count - skipped > MaxEvents || cost > MaxBytes))
        {
            int eventBytes = RunBody.FirstEventBytes(run.Body[offset..]);
            offset += eventBytes;
            cost -= eventBytes;
            skipped++;
        }

        Drop(run.Publisher, run.Number, skipped, DropReason.QueueFull);
        if (cost <= MaxBytes)
        {
            Append(run.Skip(skipped));
        }
        else
        {
            Drop(run.Publisher, run.LastNumber, 1, DropReason.TooLarge);
        }
    }

    private void Append(in EventRun run)
    {
        EnsureRoomForOne();
        ref QueuedRun tail = ref _runs[(_head + _runCount) % _runs.Length];
        tail.Topic = run.Topic;
        tail.Publisher = run.Publisher;
        tail.Number = run.Number;
        tail.Timestamp = run.Timestamp;
        tail.Count = run.Count;
        tail.Flags = run.Flags;
        tail.Priority = run.Priority;
        tail.TimeToLiveMs = run.TimeToLiveMs;
        tail.PropertyBytes = run.Properties.Length;
        tail.BodyBytes = run.Body.Length;
        if (!run.Properties.IsEmpty)
        {
            tail.PropertySlab = _memory.Copy(run.Properties, Bytes, out tail.PropertyOffset);
        }

        if (run.Shared is { } shared && run.Body.Length >= shared.Capacity / 2)
        {
            shared.Retain();
            tail.BodySlab = shared;
            tail.BodyOffset = run.SharedOffset;
        }
        else
        {
            tail.BodySlab = _memory.Copy(run.Body, Bytes, out tail.BodyOffset);
        }

        _runCount++;
        Events += run.Count;
        Bytes += tail.CostBytes;
    }

    private void EnsureRoomForOne()
    {
        if (_runCount < _runs.Length)
        {
            return;
        }

        QueuedRun[] larger = ArrayPool<QueuedRun>.Shared.Rent(Math.Max(LeastRoom, _runs.Length * 2));
        int untilEnd = Math.Min(_runCount, _runs.Length - _head);
        Array.Copy(_runs, _head, larger, 0, untilEnd);
        Array.Copy(_runs, 0, larger, untilEnd, _runCount - untilEnd);
        ReturnRing();
        _runs = larger;
        _head = 0;
    }

    private void ReturnRing()
    {
        if (_runs.Length > 0)
        {
            ArrayPool<QueuedRun>.Shared.Return(_runs, clearArray: true);
            _runs = [];
        }
    }

    private void DropHead(DropReason reason)
    {
        ref QueuedRun head = ref _runs[_head];
        Drop(head.Publisher, head.Number, head.Count, reason);
        RemoveHead();
    }

    private void Drop(ulong publisher, ulong number, int count, DropReason reason)
    {
        _dropped ??= new long[Reasons];
        _dropped[(int)reason % Reasons] += count;
        Gaps().Add(publisher, number, count, reason);
    }

    private GapLedger Gaps() => _gaps ??= new GapLedger(_nodeName);

    private void RemoveFirstEvent(ref QueuedRun head)
    {
        int eventBytes = head.FirstEventBytes();
        head.SkipFirst(eventBytes);
        Events--;
        Bytes -= eventBytes;
    }

    private void RemoveHead()
    {
        ref QueuedRun head = ref _runs[_head];
        Events -= head.Count;
        Bytes -= head.CostBytes;
        head.Release();
        head = default;
        _head = _head + 1 == _runs.Length ? 0 : _head + 1;
        if (--_runCount == 0)
        {
            // Most queues are empty most of the time and should cost next to nothing then.
            _head = 0;
            _memory.Reset();
            ReturnRing();
        }
    }
}
