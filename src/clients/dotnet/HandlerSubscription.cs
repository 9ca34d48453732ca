using NexusdClient.Receiving;

namespace NexusdClient;

/// <summary>A subscription whose events go to a handler on the reading thread.</summary>
public sealed class HandlerSubscription : IAsyncDisposable
{
    private readonly ISubscriptionOwner _owner;
    private readonly HandlerChannel _channel;

    internal HandlerSubscription(ISubscriptionOwner owner, HandlerChannel channel)
    {
        _owner = owner;
        _channel = channel;
    }

    /// <summary>
    /// Done when the daemon has confirmed the subscription; fails with <see cref="SubscribeException"/>.
    /// </summary>
    public Task Ready => _channel.Ready;

    /// <summary>
    /// Done when the subscription has ended; fails with what the handler threw or why the daemon refused.
    /// </summary>
    public Task Completion => _channel.Completion;

    /// <summary>Ends the subscription. The handler may still be in its last call when this returns.</summary>
    public ValueTask DisposeAsync()
    {
        _owner.Close(_channel);
        return ValueTask.CompletedTask;
    }
}
