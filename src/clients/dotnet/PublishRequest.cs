namespace NexusdClient;

/// <summary>One event to publish, with everything it may carry.</summary>
public sealed class PublishRequest
{
    /// <summary>
    /// Topic name: 1 to 1024 bytes of UTF-8, at most 64 levels, no <c>*</c>, <c>+</c>, <c>#</c> or NUL.
    /// </summary>
    public required string Topic { get; init; }

    /// <summary>
    /// The payload, up to the daemon's limit (4 MiB by default). Copied before the call returns. Empty together with
    /// <see cref="Retain"/> deletes the topic's retained event.
    /// </summary>
    public byte[] Payload { get; init; } = [];

    /// <summary>Whether the event becomes the topic's retained event, given to later subscribers.</summary>
    public bool Retain { get; init; }

    /// <summary>What the payload is, as <c>application/json</c>; at most 255 bytes of UTF-8.</summary>
    public string? ContentType { get; init; }

    /// <summary>Ties an event to another one; at most 255 bytes of UTF-8.</summary>
    public string? CorrelationId { get; init; }

    /// <summary>Topic on which an answer is expected.</summary>
    public string? ReplyTopic { get; init; }

    /// <summary>How long the event is worth delivering, 1 ms to 49 days; null: for ever.</summary>
    public TimeSpan? TimeToLive { get; init; }

    /// <summary>
    /// Order among events that wait; events of one class keep their order, classes overtake each other.
    /// </summary>
    public EventPriority Priority { get; init; }

    /// <summary>Up to 64 headers; key 1 to 255 bytes of UTF-8, all properties together at most 16,384 bytes.</summary>
    public IReadOnlyDictionary<string, string>? Headers { get; init; }

    internal bool HasProperties =>
        ContentType is not null || CorrelationId is not null || ReplyTopic is not null || TimeToLive is not null
        || Priority != EventPriority.Normal || Headers is { Count: > 0 };
}
