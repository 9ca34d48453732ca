using NexusD.Protocol;

namespace NexusD.Routing.Queues;

/// <content>What happens when the queue is full.</content>
public sealed partial class SubscriptionQueue
{
    // Where the event of each topic waits; only with conflation.
    private Dictionary<Topic, (Priority Class, long Position)>? _waiting;

    private int BoundedEvents => _normal.Events + (_high?.Events ?? 0) + (_low?.Events ?? 0);

    private long BoundedBytes => _normal.Bytes + (_high?.Bytes ?? 0) + (_low?.Bytes ?? 0);

    /// <summary>The bound in bytes at the moment: less than the own one while memory is short.</summary>
    private long Bound => Math.Min(MaxBytes, _pool.Budget.Ceiling);

    private bool IsWithinOwnBounds => BoundedEvents <= MaxEvents && BoundedBytes <= MaxBytes;

    private bool IsWithinBounds => BoundedEvents <= MaxEvents && BoundedBytes <= Bound;

    private bool HasRoomFor(int events, long bytes) =>
        BoundedEvents + events <= MaxEvents && BoundedBytes + bytes <= Bound;

    /// <summary>Why there is no room: the queue's own bounds, or the node's memory.</summary>
    private DropReason ReasonFor(int events, long bytes) =>
        BoundedEvents + events <= MaxEvents && BoundedBytes + bytes <= MaxBytes
            ? DropReason.Memory
            : DropReason.QueueFull;

    /// <summary>The class whose turn it is.</summary>
    private ClassQueue? First() => _again ?? FirstNew();

    private ClassQueue? FirstNew() => _high is { IsEmpty: false } ? _high
        : !_normal.IsEmpty ? _normal
        : _low is { IsEmpty: false } ? _low : null;

    /// <summary>The lowest class in which something waits, if it is not above another one.</summary>
    private ClassQueue? LowestUpTo(Priority highest)
    {
        if (_low is { IsEmpty: false })
        {
            return _low;
        }

        if (!_normal.IsEmpty)
        {
            return highest == Priority.Low ? null : _normal;
        }

        return highest == Priority.High && _high is { IsEmpty: false } ? _high : null;
    }

    private ClassQueue QueueOf(Priority priority) => priority switch
    {
        Priority.High => _high ??= new ClassQueue(_pool),
        Priority.Low => _low ??= new ClassQueue(_pool),
        _ => _normal,
    };

    /// <summary>Makes room for a run at the cost of older ones; what then does not fit goes from its start.</summary>
    private void EnqueueEnd(in EventRun run)
    {
        long cost = QueuedRun.CostOf(run);
        if (run.Count == 1 && cost > Bound)
        {
            Drop(run.Publisher, run.Number, 1, cost > MaxBytes ? DropReason.TooLarge : DropReason.Memory);
            return;
        }

        DropReason reason = ReasonFor(run.Count, cost);
        MakeRoom(run, reason);
        int skipped = 0;
        int offset = 0;
        while (skipped < run.Count && !HasRoomFor(run.Count - skipped, cost))
        {
            int eventBytes = RunBody.FirstEventBytes(run.Body[offset..]);
            offset += eventBytes;
            cost -= eventBytes;
            skipped++;
        }

        if (skipped > 0)
        {
            Drop(run.Publisher, run.Number, skipped, reason);
        }

        if (skipped < run.Count)
        {
            QueueOf(run.Priority).Append(run.Skip(skipped));
        }
    }

    /// <summary>Takes as much from the start of a run as there is room for.</summary>
    private void EnqueueStart(in EventRun run)
    {
        DropReason reason = ReasonFor(run.Count, QueuedRun.CostOf(run));
        int taken = 0;
        int end = 0;
        while (taken < run.Count)
        {
            int next = end + RunBody.FirstEventBytes(run.Body[end..]);
            if (!HasRoomFor(taken + 1, QueuedRun.OverheadBytes + run.Properties.Length + next))
            {
                break;
            }

            end = next;
            taken++;
        }

        if (taken > 0)
        {
            QueueOf(run.Priority).Append(run.Take(taken));
        }

        bool isTooLarge = run.Count == 1 && QueuedRun.CostOf(run) > MaxBytes;
        Drop(
            run.Publisher,
            run.Number + (ulong)taken,
            run.Count - taken,
            isTooLarge ? DropReason.TooLarge : reason);
    }

    /// <summary>Keeps the last event of the run only, in the place of the one of its topic that waits.</summary>
    private void Conflate(in EventRun run)
    {
        _waiting ??= new Dictionary<Topic, (Priority, long)>(TopicNameComparer.Instance);
        if (run.Count > 1)
        {
            Replaced(run.Count - 1);
            ConflateLast(run.Skip(run.Count - 1));
        }
        else
        {
            ConflateLast(run);
        }
    }

    private void ConflateLast(in EventRun run)
    {
        long cost = QueuedRun.CostOf(run);
        if (cost > Bound)
        {
            Drop(run.Publisher, run.Number, 1, cost > MaxBytes ? DropReason.TooLarge : DropReason.Memory);
            return;
        }

        while (true)
        {
            if (_waiting!.TryGetValue(run.Topic, out (Priority Class, long Position) place))
            {
                ClassQueue queue = QueueOf(place.Class);
                if (BoundedBytes - queue.At(place.Position).CostBytes + cost <= Bound)
                {
                    Replaced(1);
                    queue.Replace(place.Position, run);
                    return;
                }
            }
            else if (HasRoomFor(1, cost))
            {
                long position = QueueOf(run.Priority).AppendOwned(run);
                _waiting.Add(run.Topic, (run.Priority, position));
                return;
            }

            DropOldestForTopic(run);
        }
    }

    private void DropOldestForTopic(in EventRun run)
    {
        ClassQueue lowest = LowestUpTo(Priority.High)!;
        if (TopicNameComparer.Instance.Equals(lowest.Head.Topic, run.Topic))
        {
            RemoveHead(lowest);
            Replaced(1);
        }
        else
        {
            DropHead(
                lowest,
                lowest.Head.IsExpired(run.Timestamp) ? DropReason.Expired : ReasonFor(1, QueuedRun.CostOf(run)));
        }
    }

    private void MakeRoom(in EventRun run, DropReason reason)
    {
        // More than the whole queue is of no use to a run that is longer than it.
        long bound = Bound;
        long cost = Math.Min(QueuedRun.CostOf(run), bound);
        int events = Math.Min(run.Count, MaxEvents);
        while (!HasRoomFor(events, cost) && LowestUpTo(run.Priority) is { } queue)
        {
            ref QueuedRun head = ref queue.Head;
            bool isWholeRunTooMany = head.Count == 1
                || BoundedEvents + events - MaxEvents >= head.Count
                || BoundedBytes + cost - bound >= head.CostBytes - QueuedRun.OverheadBytes - head.PropertyBytes;
            if (isWholeRunTooMany)
            {
                DropHead(queue, reason);
            }
            else
            {
                DropSomeOfHead(queue, events, cost, reason);
            }
        }
    }

    private void DropSomeOfHead(ClassQueue queue, int events, long bytes, DropReason reason)
    {
        ulong publisher = queue.Head.Publisher;
        ulong first = queue.Head.Number;
        while (queue.Head.Count > 1 && !HasRoomFor(events, bytes))
        {
            queue.RemoveFirstEvent();
        }

        Drop(publisher, first, (int)(queue.Head.Number - first), reason);
    }

    // What is over is told as that, and not as victim of what comes.
    private void DropExpiredHeads(ulong nowHlc)
    {
        DropExpiredHeads(_high, nowHlc);
        DropExpiredHeads(_normal, nowHlc);
        DropExpiredHeads(_low, nowHlc);
    }

    private void DropExpiredHeads(ClassQueue? queue, ulong nowHlc)
    {
        while (queue is { IsEmpty: false } && queue.Head.IsExpired(nowHlc))
        {
            DropHead(queue, DropReason.Expired);
        }
    }

    private void CutToBounds(ClassQueue queue, long at, DropReason reason)
    {
        ref QueuedRun run = ref queue.At(at);
        ulong publisher = run.Publisher;
        ulong end = run.Number + (ulong)run.Count;
        while (!IsWithinBounds && run.Count > 1)
        {
            queue.RemoveLastEvents(at, 1);
        }

        if (!IsWithinBounds)
        {
            ulong first = run.Number;
            queue.RemoveAt(at);
            Drop(publisher, first, (int)(end - first), reason);
        }
        else if (run.Number + (ulong)run.Count < end)
        {
            ulong first = run.Number + (ulong)run.Count;
            Drop(publisher, first, (int)(end - first), reason);
        }

        _isBeyond = !IsWithinOwnBounds;
    }

    // The newest, whole runs.
    private void DropTail(ClassQueue queue, DropReason reason)
    {
        long last = queue.HeadPosition + queue.Runs - 1;
        ref QueuedRun tail = ref queue.At(last);
        (ulong publisher, ulong number, int count) = (tail.Publisher, tail.Number, tail.Count);
        queue.RemoveAt(last);
        Drop(publisher, number, count, reason);
    }

    private void DropHead(ClassQueue queue, DropReason reason)
    {
        ref QueuedRun head = ref queue.Head;
        (ulong publisher, ulong number, int count) = (head.Publisher, head.Number, head.Count);
        RemoveHead(queue);
        Drop(publisher, number, count, reason);
    }

    private void RemoveHead(ClassQueue queue)
    {
        ForgetTopicOf(queue);
        queue.RemoveHead();
        SettleAgain();
        _isBeyond = _isBeyond && !IsWithinOwnBounds;
    }

    private void ForgetTopicOf(ClassQueue queue)
    {
        if (_waiting is not null && queue != _again)
        {
            _waiting.Remove(queue.Head.Topic);
        }
    }

    private void Drop(ulong publisher, ulong number, int count, DropReason reason)
    {
        Count(count, reason);
        if (reason != DropReason.SessionClosed)
        {
            Gaps().Add(publisher, number, count, reason);
        }

        _listener?.OnLost(publisher, number, count, reason);
    }

    // Told as a sum over all publishers: the subscriber asked for it.
    private void Replaced(int count)
    {
        Count(count, DropReason.Conflated);
        Gaps().Add(new GapNotice(0, 0, 0, (ulong)count, DropReason.Conflated, _nodeName));
    }

    private void Count(int count, DropReason reason)
    {
        _dropped ??= new long[DropReasonNames.Count];
        _dropped[(int)reason] += count;
        DroppedEventsSum += count;
    }

    private GapLedger Gaps() => _gaps ??= new GapLedger(_nodeName);
}
