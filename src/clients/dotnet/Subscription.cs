using NexusdClient.Receiving;

namespace NexusdClient;

/// <summary>
/// A subscription to read with <c>await foreach</c>. It is asked of the daemon when reading begins, or with
/// <see cref="SubscriptionBase.StartAsync"/>; it ends when the loop is left, is cancelled, or the client is disposed
/// (the loop ends quietly).
/// </summary>
public sealed class Subscription : SubscriptionBase, IAsyncEnumerable<Message>
{
    internal Subscription(
        ISubscriptionOwner owner, string[] filters, SubscribeOptions options, CancellationToken cancellation)
        : base(owner, filters, options, cancellation)
    {
    }

    /// <summary>Begins to read. A second reader beside the first gets a subscription of its own.</summary>
    public IAsyncEnumerator<Message> GetAsyncEnumerator(CancellationToken cancellationToken = default) =>
        new MessageEnumerator(OpenReader(cancellationToken));

    private sealed class MessageEnumerator(QueueReader reader) : IAsyncEnumerator<Message>
    {
        private MessageBatch? _batch;
        private BatchCursor _cursor;

        public Message Current { get; private set; } = null!;

        public ValueTask<bool> MoveNextAsync()
        {
            if (_batch is not null && _batch.MoveNext(ref _cursor))
            {
                Current = _batch.View(in _cursor).ToMessage();
                return new ValueTask<bool>(true);
            }

            return MoveToNextBatchAsync();
        }

        public ValueTask DisposeAsync()
        {
            reader.Dispose();
            return ValueTask.CompletedTask;
        }

        private async ValueTask<bool> MoveToNextBatchAsync()
        {
            _batch = null;
            _batch = await reader.NextAsync();
            _cursor = BatchCursor.Start;
            if (_batch is null)
            {
                return false;
            }

            _batch.MoveNext(ref _cursor);
            Current = _batch.View(in _cursor).ToMessage();
            return true;
        }
    }
}
