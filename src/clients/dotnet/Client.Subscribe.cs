using NexusdClient.Receiving;

namespace NexusdClient;

/// <summary>Subscribing: events one by one, in batches, or straight to a handler.</summary>
public partial class Client
{
    /// <summary>
    /// Events of every topic that one of the filters matches, to be read with <c>await foreach</c>. Reading begins the
    /// subscription; leaving the loop ends it. After a reconnect it is asked for again by itself: what was published
    /// meanwhile is missing, retained events come again.
    /// </summary>
    /// <param name="filters">
    /// 1 to 1,024 topic filters; <c>*</c> stands for one level, <c>#</c> at the end for any number.
    /// <c>$share/GROUP/FILTER</c> makes it a member of a group.
    /// </param>
    /// <param name="options">Buffer and queue sizes, retained events or not; null: the defaults.</param>
    /// <param name="cancellationToken">Ends the reading with <see cref="OperationCanceledException"/>.</param>
    /// <exception cref="SubscribeException">
    /// A filter breaks the rules, or (while reading) the daemon refused.
    /// </exception>
    public Subscription Subscribe(
        IEnumerable<string> filters, SubscribeOptions? options = null, CancellationToken cancellationToken = default) =>
        new(_session, Check(filters, options), options ?? SubscribeOptions.Default, cancellationToken);

    /// <summary>Events of every topic that the filter matches.</summary>
    public Subscription Subscribe(
        string filter, SubscribeOptions? options = null, CancellationToken cancellationToken = default) =>
        Subscribe([filter], options, cancellationToken);

    /// <summary>
    /// As <see cref="Subscribe(IEnumerable{string}, SubscribeOptions, CancellationToken)"/>, in batches and without an
    /// object per event.
    /// </summary>
    public BatchSubscription SubscribeBatches(
        IEnumerable<string> filters, SubscribeOptions? options = null, CancellationToken cancellationToken = default) =>
        new(_session, Check(filters, options), options ?? SubscribeOptions.Default, cancellationToken);

    /// <summary>
    /// Calls a handler for each event on the thread that reads from the daemon: the fastest way, and the lowest
    /// latency. The handler must not block, for it holds up every subscription of this client.
    /// </summary>
    public HandlerSubscription Subscribe(
        IEnumerable<string> filters, MessageHandler handler, SubscribeOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(handler);
        var channel = new HandlerChannel(
            _session, Check(filters, options), options ?? SubscribeOptions.Default, handler);
        _session.Open(channel);
        return new HandlerSubscription(_session, channel);
    }

    private static string[] Check(IEnumerable<string> filters, SubscribeOptions? options)
    {
        ArgumentNullException.ThrowIfNull(filters);
        options?.Check();
        var list = options?.Group is { } group
            ? filters.Select(filter => $"$share/{group}/{filter}").ToArray()
            : filters.ToArray();
        SubscriptionChannel.CheckFilters(list);
        return list;
    }
}
