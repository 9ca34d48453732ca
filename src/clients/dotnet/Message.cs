using NexusdClient.Receiving;

namespace NexusdClient;

/// <summary>One received event; owns its bytes.</summary>
public sealed class Message
{
    private readonly MessageProperties? _properties;

    internal Message(in MessageView view, MessageProperties? properties)
    {
        Topic = view.Topic;
        Payload = view.Payload.ToArray();
        Publisher = view.Publisher;
        Number = view.Number;
        Clock = view.Clock;
        IsRetained = view.IsRetained;
        IsReplayed = view.IsReplayed;
        Node = view.Node;
        _properties = properties;
    }

    /// <summary>The topic that it was published to.</summary>
    public string Topic { get; }

    /// <summary>The bytes that were published.</summary>
    public byte[] Payload { get; }

    /// <summary>Id of the publisher; with <see cref="Number"/> it names the event everywhere.</summary>
    public ulong Publisher { get; }

    /// <summary>
    /// The publisher's number of the event; events of one publisher and priority come in rising order.
    /// </summary>
    public ulong Number { get; }

    /// <summary>
    /// Hybrid logical clock value of the daemon that accepted the event: milliseconds since 1970 in the upper 48 bits,
    /// a counter in the lower 16.
    /// </summary>
    public ulong Clock { get; }

    /// <summary><see cref="Clock"/> as a time, to the millisecond.</summary>
    public DateTimeOffset Timestamp => HybridTime.ToDateTime(Clock);

    /// <summary>Whether it is a retained event from the store, not one that was just published.</summary>
    public bool IsRetained { get; }

    /// <summary>
    /// Whether it was published while this client was away, and comes out of the daemon's recovery ring.
    /// </summary>
    public bool IsReplayed { get; }

    /// <summary>Name of the node that delivered the event.</summary>
    public string Node { get; }

    /// <summary>What the publisher said the payload is.</summary>
    public string? ContentType => _properties?.ContentType;

    /// <summary>Ties the event to another one.</summary>
    public string? CorrelationId => _properties?.CorrelationId;

    /// <summary>Topic on which the publisher expects an answer.</summary>
    public string? ReplyTopic => _properties?.ReplyTopic;

    /// <summary>How long the event was worth delivering.</summary>
    public TimeSpan? TimeToLive => _properties?.TimeToLive;

    /// <summary>Priority class that it was published with.</summary>
    public EventPriority Priority => _properties?.Priority ?? EventPriority.Normal;

    /// <summary>The headers; empty when there are none.</summary>
    public IReadOnlyDictionary<string, string> Headers => _properties?.Headers ?? MessageProperties.NoHeaders;
}
