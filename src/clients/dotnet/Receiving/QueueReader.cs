namespace NexusdClient.Receiving;

/// <summary>Reads one <see cref="QueueChannel"/> until it is disposed, which closes the subscription.</summary>
internal sealed class QueueReader : IDisposable
{
    private readonly ISubscriptionOwner _owner;
    private readonly QueueChannel _channel;
    private readonly CancellationTokenSource? _linked;
    private readonly CancellationToken _cancellation;
    private readonly CancellationTokenRegistration _registration;

    internal QueueReader(
        ISubscriptionOwner owner, QueueChannel channel, CancellationToken first, CancellationToken second)
    {
        _owner = owner;
        _channel = channel;
        if (first.CanBeCanceled && second.CanBeCanceled)
        {
            _linked = CancellationTokenSource.CreateLinkedTokenSource(first, second);
            _cancellation = _linked.Token;
        }
        else
        {
            _cancellation = first.CanBeCanceled ? first : second;
        }

        _registration = _cancellation.UnsafeRegister(
            static (state, token) => ((QueueChannel)state!).Cancel(token), channel);
    }

    /// <summary>
    /// The next batch; null at the end of the subscription. The batch given before is no longer valid.
    /// </summary>
    internal async ValueTask<MessageBatch?> NextAsync()
    {
        while (true)
        {
            _cancellation.ThrowIfCancellationRequested();
            var batch = _channel.Take(out var ended);
            if (batch is not null || ended)
            {
                return batch;
            }

            await _channel.WaitAsync(_cancellation);
        }
    }

    public void Dispose()
    {
        _registration.Dispose();
        _linked?.Dispose();
        _owner.Close(_channel);
    }
}
