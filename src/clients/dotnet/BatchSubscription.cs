using NexusdClient.Receiving;

namespace NexusdClient;

/// <summary>
/// A subscription to read in batches with <c>await foreach</c>, without an object per event. Otherwise as
/// <see cref="Subscription"/>.
/// </summary>
public sealed class BatchSubscription : SubscriptionBase, IAsyncEnumerable<MessageBatch>
{
    internal BatchSubscription(
        ISubscriptionOwner owner, string[] filters, SubscribeOptions options, CancellationToken cancellation)
        : base(owner, filters, options, cancellation)
    {
    }

    /// <summary>Begins to read. A second reader beside the first gets a subscription of its own.</summary>
    public IAsyncEnumerator<MessageBatch> GetAsyncEnumerator(CancellationToken cancellationToken = default) =>
        new BatchEnumerator(OpenReader(cancellationToken));

    private sealed class BatchEnumerator(QueueReader reader) : IAsyncEnumerator<MessageBatch>
    {
        public MessageBatch Current { get; private set; } = null!;

        public async ValueTask<bool> MoveNextAsync()
        {
            var batch = await reader.NextAsync();
            Current = batch!;
            return batch is not null;
        }

        public ValueTask DisposeAsync()
        {
            reader.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
