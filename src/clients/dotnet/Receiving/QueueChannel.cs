using System.Threading.Tasks.Sources;
using NexusD.Protocol;
using NexusD.Protocol.App;

namespace NexusdClient.Receiving;

/// <summary>
/// Collects events for a reader of the application. What waits here is bounded by the credit that the daemon was given:
/// bytes become credit again when the reader has taken them, so a slow reader holds up nobody else.
/// </summary>
internal sealed class QueueChannel : SubscriptionChannel, IValueTaskSource
{
    private readonly Lock _gate = new();
    private ManualResetValueTaskSourceCore<bool> _arrival = new() { RunContinuationsAsynchronously = true };
    private MessageBatch _filling = new();
    private MessageBatch? _spare = new();
    private MessageBatch? _inHand;
    private int _toGrant;
    private int _toForget;
    private bool _waiting;
    private bool _completed;
    private Exception? _error;

    internal QueueChannel(ISubscriptionOwner owner, string[] filters, SubscribeOptions options)
        : base(owner, filters, options)
    {
    }

    internal override int Deliver(ReadOnlySpan<byte> frame, in DeliverFrame deliver, InboundTopic topic, string node)
    {
        var error = EventRunBody.Validate(
            deliver.Body, uint.MaxValue, frame.Length, out var count, ProtocolLimits.MaxGrownRunFrameBytes);
        if (error != ErrorCode.None)
        {
            return -1;
        }

        lock (_gate)
        {
            if (!_completed)
            {
                _filling.Add(frame, in deliver, topic, node, count);
            }
        }

        return count;
    }

    internal override void EndOfRead() => Wake(onlyWithEvents: true);

    internal override void Complete(Exception? error)
    {
        base.Complete(error);
        lock (_gate)
        {
            if (_completed)
            {
                return;
            }

            _completed = true;
            _error = error;
        }

        Wake(onlyWithEvents: false);
    }

    /// <summary>Gives back the batch that was taken before and takes what has come since.</summary>
    /// <returns>
    /// Null: nothing is there; wait with <see cref="WaitAsync"/> unless <paramref name="ended"/>.
    /// </returns>
    internal MessageBatch? Take(out bool ended)
    {
        var grant = 0;
        var epoch = 0;
        MessageBatch? taken = null;
        lock (_gate)
        {
            if (_inHand is not null)
            {
                grant = GiveBack(_inHand, isLast: _filling.Count == 0);
                epoch = Epoch;
                _spare = _inHand;
                _inHand = null;
            }

            if (_filling.Count > 0)
            {
                taken = _inHand = _filling;
                _filling = _spare ?? new MessageBatch();
                _spare = null;
            }

            ended = taken is null && _completed;
        }

        if (grant > 0)
        {
            Owner.Grant(this, epoch, grant);
        }

        if (ended && _error is not null)
        {
            throw _error;
        }

        return taken;
    }

    /// <summary>
    /// Done when events are there, the subscription ended, or <see cref="Cancel"/> was called. One waiter at a time.
    /// </summary>
    internal ValueTask WaitAsync(CancellationToken cancellation)
    {
        lock (_gate)
        {
            cancellation.ThrowIfCancellationRequested();
            if (_filling.Count > 0 || _completed)
            {
                return ValueTask.CompletedTask;
            }

            _arrival.Reset();
            _waiting = true;
            return new ValueTask(this, _arrival.Version);
        }
    }

    /// <summary>Ends a wait because the reader asked for it.</summary>
    internal void Cancel(CancellationToken cancellation)
    {
        lock (_gate)
        {
            if (!_waiting)
            {
                return;
            }

            _waiting = false;
        }

        _arrival.SetException(new OperationCanceledException(cancellation));
    }

    void IValueTaskSource.GetResult(short token) => _arrival.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _arrival.GetStatus(token);

    void IValueTaskSource.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _arrival.OnCompleted(continuation, state, token, flags);

    protected override uint BeginConnection()
    {
        lock (_gate)
        {
            NextEpoch();
            _toGrant = 0;
            var held = _filling.Bytes + (_inHand?.Bytes ?? 0);
            if (Options.IsKept)
            {
                // Credit confirms what came in this connection; what is held from the one before is confirmed already.
                _toForget = held;
                return (uint)Options.ReceiveBufferBytes;
            }

            return (uint)Math.Max(1, Options.ReceiveBufferBytes - held);
        }
    }

    /// <summary>
    /// Counts the bytes of a batch that was read; many small grants become one. Of a kept subscription all is confirmed
    /// before the reader waits.
    /// </summary>
    private int GiveBack(MessageBatch batch, bool isLast)
    {
        var forgotten = Math.Min(_toForget, batch.Bytes);
        _toForget -= forgotten;
        _toGrant += batch.Bytes - forgotten;
        batch.Clear();
        if (_toGrant < Options.ReceiveBufferBytes / 4 && !(isLast && Options.IsKept))
        {
            return 0;
        }

        var grant = _toGrant;
        _toGrant = 0;
        return grant;
    }

    private void Wake(bool onlyWithEvents)
    {
        lock (_gate)
        {
            if (!_waiting || (onlyWithEvents && _filling.Count == 0))
            {
                return;
            }

            _waiting = false;
        }

        _arrival.SetResult(true);
    }
}
