using NexusdClient.Receiving;

namespace NexusdClient;

/// <summary>
/// A received event as it lies in the receive buffer: valid only until the handler returns, or the next batch is asked
/// for. Nothing is allocated to look at one.
/// </summary>
public readonly ref struct MessageView
{
    internal MessageView(
        InboundTopic topic,
        ReadOnlySpan<byte> payload,
        in RunOrigin origin,
        ulong number,
        ReadOnlySpan<byte> properties)
    {
        _topic = topic;
        _origin = ref origin;
        Payload = payload;
        Number = number;
        _properties = properties;
    }

    private readonly InboundTopic _topic;
    private readonly ref readonly RunOrigin _origin;
    private readonly ReadOnlySpan<byte> _properties;

    /// <summary>The topic that it was published to.</summary>
    public string Topic => _topic.Text;

    /// <summary>The topic as UTF-8.</summary>
    public ReadOnlySpan<byte> TopicUtf8 => _topic.Utf8;

    /// <summary>The bytes that were published.</summary>
    public ReadOnlySpan<byte> Payload { get; }

    /// <summary>Id of the publisher.</summary>
    public ulong Publisher => _origin.Publisher;

    /// <summary>The publisher's number of the event.</summary>
    public ulong Number { get; }

    /// <summary>Hybrid logical clock value, see <see cref="Message.Clock"/>.</summary>
    public ulong Clock => _origin.Clock;

    /// <summary><see cref="Clock"/> as a time, to the millisecond.</summary>
    public DateTimeOffset Timestamp => HybridTime.ToDateTime(Clock);

    /// <summary>Whether it is a retained event from the store, not one that was just published.</summary>
    public bool IsRetained => _origin.IsRetained;

    /// <summary>
    /// Whether it was published while this client was away, and comes out of the daemon's recovery ring.
    /// </summary>
    public bool IsReplayed => _origin.IsReplayed;

    /// <summary>Name of the node that delivered the event.</summary>
    public string Node => _origin.Node;

    /// <summary>What the publisher said the payload is. Decodes at each call.</summary>
    public string? ContentType => _properties.IsEmpty ? null : MessageProperties.Decode(_properties)?.ContentType;

    /// <summary>Whether it carries more than topic and payload.</summary>
    public bool HasProperties => !_properties.IsEmpty;

    /// <summary>Copies the event so that it can be kept.</summary>
    public Message ToMessage() => new(in this, MessageProperties.Decode(_properties));
}
