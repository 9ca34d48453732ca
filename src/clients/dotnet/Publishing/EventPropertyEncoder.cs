using System.Text;
using NexusD.Protocol;

namespace NexusdClient.Publishing;

/// <summary>Turns what a <see cref="PublishRequest"/> carries beside topic and payload into wire properties.</summary>
internal static class EventPropertyEncoder
{
    /// <summary>The properties of a request; empty when it has none.</summary>
    /// <exception cref="PublishException">One of them is longer than allowed.</exception>
    internal static byte[] Encode(PublishRequest request)
    {
        if (!request.HasProperties)
        {
            return [];
        }

        var contentType = Text(request.ContentType, ProtocolLimits.MaxShortTextBytes, "ContentType");
        var correlation = Text(request.CorrelationId, ProtocolLimits.MaxShortTextBytes, "CorrelationId");
        var reply = Text(request.ReplyTopic, ProtocolLimits.MaxTopicBytes, "ReplyTopic");
        var headers = Headers(request.Headers);
        var size = PropertyWriter.SizeUnlessEmpty(contentType.Length)
            + PropertyWriter.SizeUnlessEmpty(correlation.Length)
            + PropertyWriter.SizeUnlessEmpty(reply.Length)
            + headers.Sum(h => PropertyWriter.Size(1 + h.Key.Length + h.Value.Length))
            + (request.TimeToLive is null ? 0 : PropertyWriter.Size(sizeof(uint)))
            + (request.Priority == EventPriority.Normal ? 0 : PropertyWriter.Size(sizeof(byte)));
        if (size > ProtocolLimits.MaxEventPropertyBytes)
        {
            throw PublishErrors.PropertiesTooLarge(size);
        }

        var encoded = new byte[size];
        var writer = new PropertyWriter(encoded);
        writer.WriteUnlessEmpty(PropertyId.ContentType, contentType);
        writer.WriteUnlessEmpty(PropertyId.CorrelationId, correlation);
        writer.WriteUnlessEmpty(PropertyId.ReplyTopic, reply);
        if (request.TimeToLive is { } time)
        {
            writer.Write(PropertyId.TimeToLive, Milliseconds(time));
        }

        if (request.Priority != EventPriority.Normal)
        {
            writer.Write(PropertyId.Priority, (byte)request.Priority);
        }

        foreach (var (key, value) in headers)
        {
            writer.WriteEventHeader(key, value);
        }

        return encoded;
    }

    private static byte[] Text(string? text, int maxBytes, string what)
    {
        if (text is null)
        {
            return [];
        }

        var utf8 = Encoding.UTF8.GetBytes(text);
        if (!WireText.IsValid(utf8, 1, maxBytes))
        {
            throw new PublishException(
                ErrorCode.OverLimit,
                $"{what} has {utf8.Length} bytes of UTF-8; 1 to {maxBytes} without NUL are allowed.");
        }

        return utf8;
    }

    private static List<(byte[] Key, byte[] Value)> Headers(IReadOnlyDictionary<string, string>? headers)
    {
        var encoded = new List<(byte[], byte[])>(headers?.Count ?? 0);
        if (headers is null)
        {
            return encoded;
        }

        if (headers.Count > ProtocolLimits.MaxEventHeaders)
        {
            throw new PublishException(
                ErrorCode.OverLimit,
                $"The event has {headers.Count} headers; at most {ProtocolLimits.MaxEventHeaders} are allowed.");
        }

        foreach (var (key, value) in headers)
        {
            encoded.Add((Text(key, ProtocolLimits.MaxShortTextBytes, "A header key"), Encoding.UTF8.GetBytes(value)));
        }

        return encoded;
    }

    private static uint Milliseconds(TimeSpan time)
    {
        var milliseconds = time.TotalMilliseconds;
        return milliseconds is >= 1 and <= uint.MaxValue
            ? (uint)milliseconds
            : throw new PublishException(ErrorCode.OverLimit, $"TimeToLive is {time}; 1 ms to 49 days are allowed.");
    }
}
