namespace NexusdClient.Receiving;

/// <summary>What a subscription needs of its client.</summary>
internal interface ISubscriptionOwner
{
    /// <summary>Asks the daemon for it, now and after each reconnect.</summary>
    /// <exception cref="ClosedException">The client was disposed.</exception>
    void Open(SubscriptionChannel channel);

    /// <summary>Ends it; nothing is delivered afterwards. Any number of times.</summary>
    void Close(SubscriptionChannel channel);

    /// <summary>Lets more bytes come, unless a reconnect has counted them already.</summary>
    void Grant(SubscriptionChannel channel, int epoch, int bytes);

    /// <summary>Asks the daemon to let a kept subscription wait, or go on with 0 milliseconds.</summary>
    /// <returns>Done when the daemon has answered, in this connection or a later one.</returns>
    Task Pause(SubscriptionChannel channel, uint milliseconds);

    /// <summary>A handler of the application threw.</summary>
    void ReportHandlerFailure(Exception error);
}
