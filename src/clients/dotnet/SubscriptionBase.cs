using NexusdClient.Receiving;

namespace NexusdClient;

/// <summary>What the two kinds of readable subscriptions have in common.</summary>
public abstract class SubscriptionBase : IAsyncDisposable
{
    private readonly ISubscriptionOwner _owner;
    private readonly string[] _filters;
    private readonly SubscribeOptions _options;
    private readonly CancellationToken _cancellation;
    private readonly Lock _gate = new();
    private QueueChannel? _started;

    private protected SubscriptionBase(
        ISubscriptionOwner owner, string[] filters, SubscribeOptions options, CancellationToken cancellation)
    {
        _owner = owner;
        _filters = filters;
        _options = options;
        _cancellation = cancellation;
    }

    /// <summary>The filters that were asked for.</summary>
    public IReadOnlyList<string> Filters => _filters;

    /// <summary>
    /// Asks the daemon for the subscription and waits until it has confirmed: what is published afterwards will come.
    /// Events wait in the receive buffer until they are read.
    /// </summary>
    /// <exception cref="SubscribeException">The daemon refused it.</exception>
    public Task StartAsync(CancellationToken cancellationToken = default)
    {
        QueueChannel channel;
        lock (_gate)
        {
            channel = _started ??= OpenChannel();
        }

        return channel.Ready.WaitAsync(cancellationToken);
    }

    /// <summary>
    /// Ends a subscription that was started and is not being read; one that is being read ends with its loop.
    /// </summary>
    public ValueTask DisposeAsync()
    {
        lock (_gate)
        {
            if (_started is not null)
            {
                _owner.Close(_started);
                _started = null;
            }
        }

        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }

    private protected QueueReader OpenReader(CancellationToken cancellation)
    {
        lock (_gate)
        {
            var channel = _started ?? OpenChannel();
            _started = null;
            return new QueueReader(_owner, channel, _cancellation, cancellation);
        }
    }

    private QueueChannel OpenChannel()
    {
        var channel = new QueueChannel(_owner, _filters, _options);
        _owner.Open(channel);
        return channel;
    }
}
