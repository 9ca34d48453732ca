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
    private QueueChannel? _latest;

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

    /// <summary>Longest pause, and longest <see cref="SubscribeOptions.KeepFor"/>.</summary>
    public static readonly TimeSpan MaxPause = TimeSpan.FromDays(7);

    /// <summary>
    /// Names a kept subscription, for another process to go on with it (<see cref="SubscribeOptions.ResumeToken"/>); a
    /// secret. Null until the daemon has confirmed the subscription, and where it is not kept.
    /// </summary>
    public string? ResumeToken
    {
        get
        {
            lock (_gate)
            {
                return _latest?.Token;
            }
        }
    }

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
    /// Lets the subscription wait: once this is done nothing more comes until <see cref="ResumeAsync"/>, while events
    /// queue at the daemon. What had come before can still be read. A paused subscription is not ended by leaving its
    /// loop or disposing the client: another process may go on with it by its <see cref="ResumeToken"/>.
    /// </summary>
    /// <param name="limit">
    /// When it is over the subscription ends with <see cref="SubscribeException"/>; more than zero, up to
    /// <see cref="MaxPause"/> and the daemon's <c>--keep-limit</c>.
    /// </param>
    /// <param name="cancellationToken">Ends the waiting, not the pause.</param>
    /// <exception cref="InvalidOperationException"><see cref="SubscribeOptions.KeepFor"/> was not set.</exception>
    /// <exception cref="SubscribeException">The daemon keeps no subscriptions, or it has ended.</exception>
    public Task PauseAsync(TimeSpan limit, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, TimeSpan.FromMilliseconds(1));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(limit, MaxPause);
        return PauseForAsync((uint)limit.TotalMilliseconds, cancellationToken);
    }

    /// <summary>Lets a paused subscription go on; what waited comes first.</summary>
    /// <exception cref="SubscribeException">It had ended, since the pause was too long.</exception>
    public Task ResumeAsync(CancellationToken cancellationToken = default) => PauseForAsync(0, cancellationToken);

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
        _latest = channel;
        return channel;
    }

    private async Task PauseForAsync(uint milliseconds, CancellationToken cancellation)
    {
        if (!_options.IsKept)
        {
            throw new InvalidOperationException("Only a subscription that is kept can wait: set KeepFor.");
        }

        QueueChannel channel;
        lock (_gate)
        {
            channel = _latest ??= _started = OpenChannel();
        }

        await channel.Ready.WaitAsync(cancellation);
        await _owner.Pause(channel, milliseconds).WaitAsync(cancellation);
    }
}
