using NexusD.Protocol;
using NexusD.Protocol.App;

namespace NexusD.Routing.Queues;

/// <content>
/// What was sent and is not confirmed, for a subscriber that is kept when its connection breaks: it is sent again, in
/// front of what waits, when the subscriber is back.
/// </content>
/// <remarks>
/// What is sent again counts as matched and delivered once more. It counts as waiting, but not against the bounds:
/// these are for what nobody has been sent.
/// </remarks>
public sealed partial class SubscriptionQueue
{
    private SentRuns? _sent;
    private ClassQueue? _again;

    /// <summary>Whether what is sent is held until it is confirmed.</summary>
    public bool HoldsSent => _sent is not null;

    /// <summary>Bytes of what was sent and is not confirmed; not in <see cref="Bytes"/>.</summary>
    public long UnconfirmedBytes => _sent?.Runs.Bytes ?? 0;

    /// <summary>Events that were sent and are not confirmed; not in <see cref="Events"/>.</summary>
    public int UnconfirmedEvents => _sent?.Runs.Events ?? 0;

    /// <summary>How much is confirmed.</summary>
    public StreamPosition ConfirmedPosition => _sent?.Confirmed ?? default;

    /// <summary>From now on what is sent is held until it is confirmed.</summary>
    public void HoldSent() => _sent ??= new SentRuns(_pool);

    /// <summary>Notes a run that was sent without waiting here.</summary>
    /// <param name="run">The run.</param>
    /// <param name="sentBytes">Bytes of its frame.</param>
    public void NoteSent(in EventRun run, int sentBytes)
    {
        if (_sent is not null)
        {
            _sent.Add(run, sentBytes);
            _sent.CutTo(UnconfirmedBound);
        }
    }

    /// <summary>Notes that the subscriber was told of a loss.</summary>
    public void NoteSent(in GapNotice gap) => _sent?.Add(gap);

    /// <summary>Removes the next run, because it was sent in a frame of so many bytes.</summary>
    public void DequeueSent(int sentBytes)
    {
        if (_sent is null)
        {
            Dequeue();
            return;
        }

        ClassQueue queue = First() ?? throw new InvalidOperationException("an empty queue has nothing to dequeue");
        DeliveredEvents += queue.Head.Count;
        ForgetTopicOf(queue);
        _sent.AddHeadOf(queue, sentBytes);
        _sent.CutTo(UnconfirmedBound);
        SettleAgain();
        _isBeyond = _isBeyond && !IsWithinOwnBounds;
        AssertCounts();
    }

    /// <summary>The subscriber has taken so many more bytes of DELIVER frames.</summary>
    public void Confirm(long bytes) => _sent?.Confirm(bytes);

    /// <summary>
    /// The subscriber is back: what it did not receive waits to be sent again, flagged as replayed, in front of all
    /// else. Where memory did not suffice to hold it, it is dropped now and told.
    /// </summary>
    /// <param name="position">How far it received; null: not known.</param>
    /// <param name="had">What it says it had; null: not known. Asked only without a position.</param>
    /// <returns>How many events it did not receive: they are sent again or dropped.</returns>
    public int SendAgain(StreamPosition? position, Recovery.ResumePoint? had)
    {
        if (_sent is null)
        {
            return 0;
        }

        bool isKnown = position is { } known && _sent.ConfirmTo(known);
        if (!isKnown && had is not null)
        {
            _sent.ConfirmTo(had);
        }

        _sent.Rewind(gap => Gaps().Add(gap));
        int events = _sent.Runs.Events;
        MatchedEvents += events;
        var again = new ClassQueue(_pool);
        while (!_sent.Runs.IsEmpty)
        {
            if (_sent.Runs.Head.IsEmptied)
            {
                ref QueuedRun lost = ref _sent.Runs.Head;
                Drop(lost.Publisher, lost.Number, lost.Count, DropReason.Memory);
                _sent.Runs.RemoveHead();
            }
            else
            {
                again.AppendHeadOf(_sent.Runs).Flags |= RunFlags.Replayed;
            }
        }

        while (_again is { IsEmpty: false })
        {
            again.AppendHeadOf(_again);
        }

        _again = again.IsEmpty ? null : again;
        AssertCounts();
        return events;
    }

    /// <summary>
    /// As <see cref="TryPeek"/>, for what was never sent; remove it by <see cref="DequeueNew"/>.
    /// </summary>
    public bool TryPeekNew(ulong nowHlc, out EventRun run)
    {
        while (FirstNew() is { } queue)
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

    /// <summary>Removes the run that <see cref="TryPeekNew"/> showed, because somebody else has it.</summary>
    public void DequeueNew()
    {
        ClassQueue queue = FirstNew() ?? throw new InvalidOperationException("nothing new waits");
        DeliveredEvents += queue.Head.Count;
        RemoveHead(queue);
        AssertCounts();
    }

    /// <summary>Drops the next run, which the subscriber cannot take.</summary>
    public void DropNext(DropReason reason)
    {
        if (First() is { } queue)
        {
            DropHead(queue, reason);
            AssertCounts();
        }
    }

    // Half of what the line may hold: what waits has been nowhere yet.
    private long UnconfirmedBound => _pool.Budget.Ceiling / 2;

    /// <summary>Gives up what was sent once until it counts about so many bytes.</summary>
    private void CutSentTo(long bytes)
    {
        _sent?.CutTo(bytes / 2);
        while (_again is { } again && again.Bytes > bytes)
        {
            DropHead(again, DropReason.Memory);
        }
    }

    private void SettleAgain()
    {
        if (_again is { IsEmpty: true })
        {
            _again = null;
        }
    }

    private void ReleaseSent()
    {
        while (_sent is { Runs.IsEmpty: false })
        {
            _sent.Runs.RemoveHead();
        }

        _sent = null;
    }
}
