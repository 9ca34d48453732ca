using System.Runtime.CompilerServices;
using NexusD.Protocol.App;

namespace NexusdClient.Publishing;

/// <summary>What the daemon says about events that it got.</summary>
internal sealed partial class Outbox
{
    /// <summary>Takes an ACK.</summary>
    /// <returns>False: nothing was waiting for one, so the stream lost step.</returns>
    internal bool OnAck(in AckFrame ack)
    {
        PendingAck? pending;
        lock (Gate)
        {
            if (!_acks.TryDequeue(out pending))
            {
                return false;
            }

            if (ReferenceEquals(pending, _runAck))
            {
                CloseRun();
            }

            _confirmedNumber = Math.Max(_confirmedNumber, ack.Number + ack.Count);
            Trim();
            TellWaiters();
        }

        pending.Complete(in ack);
        return true;
    }

    /// <summary>Takes a PONG: the daemon has taken every event below <paramref name="number"/>.</summary>
    internal void OnPong(ulong number)
    {
        lock (Gate)
        {
            _confirmedNumber = Math.Max(_confirmedNumber, Math.Min(number, _nextNumber));
            for (var i = _flushes.Count - 1; i >= 0; i--)
            {
                if (_flushes[i].Number <= number)
                {
                    _flushes[i].Waiter.TrySetResult();
                    _flushes.RemoveAt(i);
                }
            }
        }
    }

    /// <summary>Done when the daemon has taken every event that was published so far.</summary>
    internal Task FlushAsync()
    {
        lock (Gate)
        {
            ThrowIfClosed();
            if (_confirmedNumber >= _nextNumber && _acks.Count == 0)
            {
                return Task.CompletedTask;
            }

            var waiter = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _flushes.Add((_nextNumber, waiter));
            Ping();
            return waiter.Task;
        }
    }

    /// <summary>Asks the daemon for a sign of life, which also confirms what was sent before it.</summary>
    internal void Ping()
    {
        lock (Gate)
        {
            if (_socket is null || _leaving)
            {
                return;
            }

            AppendPing();
            if (!_sendBusy && !_handedOver)
            {
                SendFromHere(mayWait: false);
            }
        }
    }

    /// <summary>Tells callers whose acknowledgement is overdue. Their events stay in the log.</summary>
    internal void FailOverdue(long now)
    {
        List<PendingAck>? overdue = null;
        lock (Gate)
        {
            foreach (var ack in _acks)
            {
                if (ack.Deadline > now)
                {
                    break;
                }

                (overdue ??= []).Add(ack);
            }

            if (overdue is not null && ReferenceEquals(overdue[^1], _runAck))
            {
                CloseRun();
            }
        }

        overdue?.ForEach(ack => ack.Fail(PublishErrors.NotAcknowledged(_options.AcknowledgeTimeout, _lastError())));
    }

    /// <summary>The error for a fire-and-forget publish that was not taken.</summary>
    internal BufferFullException BufferFull() =>
        PublishErrors.BufferFull(_options.PublishBufferBytes, _lastError());

    /// <summary>The ping stands in the log, behind the events that its answer confirms.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void AppendPing()
    {
        CloseRun();
        EnsureChunk(PingFrame.FrameBytes);
        _tail.Length += new PingFrame(_nextNumber, isPong: false).Write(_tail.Data.AsSpan(_tail.Length));
    }
}
