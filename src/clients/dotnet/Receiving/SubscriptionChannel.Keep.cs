using NexusD.Protocol.App;

namespace NexusdClient.Receiving;

/// <summary>
/// What outlives a connection: the token of the kept subscription, how far it was received, and whether it is paused.
/// </summary>
/// <remarks>
/// The counters belong to the reading thread, which also makes new connections; what has to do with pauses is guarded
/// by the list of those who wait.
/// </remarks>
internal abstract partial class SubscriptionChannel
{
    private readonly List<TaskCompletionSource> _pauseWaiters = [];
    private byte[] _token;
    private bool _isPositionKnown;
    private ulong _runs;
    private ulong _gaps;
    private long _pausedUntil;
    private int _pausesSent;

    /// <summary>What names the subscription in another process; null before it was confirmed, or not kept.</summary>
    internal string? Token => _isPositionKnown && Volatile.Read(ref _token) is { Length: > 0 } token
        ? Convert.ToHexStringLower(token)
        : null;

    /// <summary>Whether the application asked it to wait.</summary>
    internal bool IsPaused
    {
        get
        {
            lock (_pauseWaiters)
            {
                return _pausedUntil != 0;
            }
        }
    }

    /// <summary>Takes note of a GAP frame.</summary>
    internal void NoteGap() => _gaps++;

    /// <summary>The daemon has opened the subscription, or goes on with the kept one.</summary>
    /// <returns>False when the one that was kept is gone, and this is a new one.</returns>
    internal bool Confirm(in SubscribedFrame answer)
    {
        var asked = _token.Length > 0;
        if (answer.Position is { } position)
        {
            (_runs, _gaps) = (position.Runs, position.Gaps);
        }

        Volatile.Write(ref _token, answer.KeepToken.ToArray());
        _isPositionKnown = answer.Position is not null;
        _ready.TrySetResult();
        EndPausesUnlessSent();
        return answer.TakenOver || !asked;
    }

    /// <summary>The frame that asks for a pause, and the task that ends with its answer.</summary>
    /// <param name="milliseconds">0: it goes on.</param>
    /// <param name="isConnected">Whether the frame can be sent; else the next connection asks.</param>
    internal (byte[] Frame, Task Answer) BeginPause(uint milliseconds, bool isConnected)
    {
        var waiter = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_pauseWaiters)
        {
            _pausedUntil = milliseconds == 0 ? 0 : Environment.TickCount64 + milliseconds;
            _pauseWaiters.Add(waiter);
            _pausesSent += isConnected ? 1 : 0;
        }

        return (PauseBytes(milliseconds), waiter.Task);
    }

    /// <summary>The daemon has answered a PAUSE.</summary>
    internal void OnPaused(SubscribeException? refusal)
    {
        lock (_pauseWaiters)
        {
            _pausesSent = Math.Max(0, _pausesSent - 1);
            if (refusal is not null)
            {
                _pausedUntil = 0; // it goes on, so leaving it ends it
            }
        }

        if (refusal is not null)
        {
            EndPauses(refusal);
        }
        else
        {
            EndPausesUnlessSent();
        }
    }

    private byte[] PauseAgainBytes()
    {
        lock (_pauseWaiters)
        {
            _pausesSent = _pausedUntil == 0 ? 0 : 1;
            return _pausedUntil == 0
                ? []
                : PauseBytes((uint)Math.Max(1, _pausedUntil - Environment.TickCount64));
        }
    }

    private byte[] PauseBytes(uint milliseconds)
    {
        var bytes = new byte[PauseFrame.FrameBytes];
        new PauseFrame(Id, milliseconds).Write(bytes);
        return bytes;
    }

    private void EndPausesUnlessSent()
    {
        TaskCompletionSource[] done;
        lock (_pauseWaiters)
        {
            if (_pausesSent > 0)
            {
                return;
            }

            done = [.. _pauseWaiters];
            _pauseWaiters.Clear();
        }

        foreach (var waiter in done)
        {
            waiter.TrySetResult();
        }
    }

    private void EndPauses(Exception? error)
    {
        TaskCompletionSource[] left;
        lock (_pauseWaiters)
        {
            left = [.. _pauseWaiters];
            _pauseWaiters.Clear();
        }

        foreach (var waiter in left)
        {
            waiter.TrySetException(error ?? new ClosedException("The subscription was closed."));
        }
    }
}
