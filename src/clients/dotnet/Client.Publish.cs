using System.Text;
using NexusD.Protocol;
using NexusdClient.Publishing;

namespace NexusdClient;

/// <summary>Publishing: awaited, or fire-and-forget.</summary>
public partial class Client
{
    /// <summary>
    /// Publishes one event and waits until the local daemon has accepted it. While the daemon is away the event waits
    /// in the buffer; an event that was not acknowledged when the connection broke is sent again, and the daemon drops
    /// what it had.
    /// </summary>
    /// <param name="request">The event.</param>
    /// <param name="cancellationToken">Ends the wait; an event that was taken may still be delivered.</param>
    /// <returns>To how many subscriptions and peers the daemon gave it.</returns>
    /// <exception cref="PublishException">Refused, or not acknowledged in time.</exception>
    public Task<PublishResult> PublishAsync(PublishRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        try
        {
            var flags = request.Retain ? RunFlags.Retain : RunFlags.None;
            var properties = EventPropertyEncoder.Encode(request);
            return StartPublish(request.Topic, request.Payload, flags, properties, cancellationToken);
        }
        catch (NexusdException e)
        {
            return Task.FromException<PublishResult>(e);
        }
    }

    /// <summary>Publishes one event and waits until the local daemon has accepted it.</summary>
    /// <param name="topic">Topic name.</param>
    /// <param name="payload">Copied before the call returns.</param>
    /// <param name="retain">Whether it becomes the topic's retained event.</param>
    /// <param name="cancellationToken">Ends the wait; an event that was taken may still be delivered.</param>
    public Task<PublishResult> PublishAsync(
        string topic, ReadOnlyMemory<byte> payload, bool retain = false, CancellationToken cancellationToken = default)
    {
        try
        {
            return StartPublish(topic, payload, retain ? RunFlags.Retain : RunFlags.None, [], cancellationToken);
        }
        catch (NexusdException e)
        {
            return Task.FromException<PublishResult>(e);
        }
    }

    /// <summary>Publishes one event and does not wait for the daemon.</summary>
    /// <param name="topic">Topic name.</param>
    /// <param name="payload">Copied before the call returns.</param>
    /// <param name="retain">Whether it becomes the topic's retained event.</param>
    /// <returns>
    /// False: the daemon is away and the buffer is full, so the event was not kept (see
    /// <see cref="ClientOptions.WhenBufferFull"/>). While the daemon is merely slower, the call blocks until there is
    /// room.
    /// </returns>
    /// <exception cref="PublishException">The topic or the size breaks the rules.</exception>
    public bool Publish(string topic, ReadOnlySpan<byte> payload, bool retain = false)
    {
        ArgumentNullException.ThrowIfNull(topic);
        _session.EnsureStarted();
        var flags = retain ? RunFlags.Retain : RunFlags.None;
        return _session.Outbox.Append(topic, null, payload, flags, default, mayWait: true) || NotTaken();
    }

    /// <summary>Publishes a text as UTF-8 and does not wait for the daemon.</summary>
    public bool Publish(string topic, string payload, bool retain = false)
    {
        ArgumentNullException.ThrowIfNull(payload);
        return Publish(topic, Encoding.UTF8.GetBytes(payload).AsSpan(), retain);
    }

    /// <summary>Publishes one event with everything it may carry and does not wait for the daemon.</summary>
    public bool Publish(PublishRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        _session.EnsureStarted();
        var flags = request.Retain ? RunFlags.Retain : RunFlags.None;
        var properties = EventPropertyEncoder.Encode(request);
        return _session.Outbox.Append(request.Topic, null, request.Payload, flags, properties, mayWait: true)
            || NotTaken();
    }

    /// <summary>
    /// As <see cref="Publish(string, ReadOnlySpan{byte}, bool)"/>, but never blocks and never throws for a full buffer.
    /// </summary>
    public bool TryPublish(string topic, ReadOnlySpan<byte> payload, bool retain = false)
    {
        ArgumentNullException.ThrowIfNull(topic);
        _session.EnsureStarted();
        var flags = retain ? RunFlags.Retain : RunFlags.None;
        return _session.Outbox.Append(topic, null, payload, flags, default, mayWait: false);
    }

    /// <summary>
    /// A publisher of one topic: cheaper per event than naming the topic each time, and able to take many at once.
    /// </summary>
    /// <exception cref="PublishException">The name breaks the rules of docs/protocol/topics.md.</exception>
    public TopicPublisher OpenTopic(string topic) => new(this, _session.Outbox.GetTopic(topic));

    /// <summary>Waits until the daemon has taken everything that was published so far.</summary>
    public Task FlushAsync(CancellationToken cancellationToken = default)
    {
        _session.EnsureStarted();
        return _session.Outbox.FlushAsync().WaitAsync(cancellationToken);
    }

    internal bool Append(OutboundTopic topic, ReadOnlySpan<byte> payload, RunFlags flags, bool mayWait)
    {
        _session.EnsureStarted();
        return _session.Outbox.Append(null, topic, payload, flags, default, mayWait) || (mayWait && NotTaken());
    }

    internal int AppendMany(OutboundTopic topic, ReadOnlySpan<byte> packed, ReadOnlySpan<int> lengths)
    {
        _session.EnsureStarted();
        var taken = _session.Outbox.AppendMany(topic, packed, lengths, RunFlags.None, mayWait: true);
        if (taken < lengths.Length)
        {
            NotTaken();
        }

        return taken;
    }

    private Task<PublishResult> StartPublish(
        string topic, ReadOnlyMemory<byte> payload, RunFlags flags, byte[] properties, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(topic);
        cancellation.ThrowIfCancellationRequested();
        _session.EnsureStarted();
        var waiter = new TaskCompletionSource<PublishResult>(TaskCreationOptions.RunContinuationsAsynchronously);
        var room = _session.Outbox.AppendAcknowledged(topic, payload.Span, flags, properties, waiter);
        return room is not null
            ? PublishWhenRoomAsync(room, topic, payload.ToArray(), flags, properties, waiter, cancellation)
            : cancellation.CanBeCanceled ? waiter.Task.WaitAsync(cancellation) : waiter.Task;
    }

    private async Task<PublishResult> PublishWhenRoomAsync(
        Task? room,
        string topic,
        byte[] payload,
        RunFlags flags,
        byte[] properties,
        TaskCompletionSource<PublishResult> waiter,
        CancellationToken cancellation)
    {
        while (room is not null)
        {
            try
            {
                await room.WaitAsync(_options.AcknowledgeTimeout, cancellation);
            }
            catch (TimeoutException)
            {
                throw _session.Outbox.BufferFull();
            }

            room = _session.Outbox.AppendAcknowledged(topic, payload, flags, properties, waiter);
        }

        return await waiter.Task.WaitAsync(cancellation);
    }

    private bool NotTaken() =>
        _options.WhenBufferFull == BufferFullMode.ReturnFalse ? false : throw _session.Outbox.BufferFull();
}
