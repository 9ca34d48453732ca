using System.Text;
using System.Text.Json.Nodes;
using NexusD.Protocol.Topics;

namespace NexusD.Protocol.Tests.Vectors;

/// <summary>The part that PUBLISH, DELIVER, FORWARD and RETAINED share: properties and run.</summary>
internal static class EventCodec
{
    /// <summary>Checks as an entry point of the daemon does, and lists what was read.</summary>
    internal static ErrorCode Read(
        ReadOnlySpan<byte> properties,
        uint alias,
        ReadOnlySpan<byte> body,
        int frameBytes,
        int maxRunFrameBytes,
        ReaderLimits limits,
        JsonObject fields)
    {
        ErrorCode error = EventProperties.TryRead(properties, alias, out EventProperties read);
        if (error != ErrorCode.None)
        {
            return error;
        }

        error = EventRunBody.Validate(body, limits.MaxPayload, frameBytes, out int count, maxRunFrameBytes);
        fields["event_count"] = count;
        if (error != ErrorCode.None)
        {
            return error;
        }

        if (read.TopicBytes != 0 && TopicName.Validate(read.Topic) != TopicError.None)
        {
            return ErrorCode.BadTopic;
        }

        fields["properties"] = List(properties, read);
        JsonArray payloads = [];
        RunReader events = new(body);
        while (events.TryRead(out ReadOnlySpan<byte> payload))
        {
            payloads.Add(Json.Hex(payload));
        }

        Assert.Equal(count, payloads.Count);
        Assert.Equal(body.Length, events.Offset);
        fields["payloads_hex"] = payloads;
        return ErrorCode.None;
    }

    internal static int WriteProperties(JsonObject properties, Span<byte> destination)
    {
        PropertyWriter writer = new(destination);
        void Text(ref PropertyWriter to, string name, byte id)
        {
            if (properties.ContainsKey(name))
            {
                to.Write(id, properties.Utf8(name));
            }
        }

        Text(ref writer, "topic", PropertyId.Topic);
        Text(ref writer, "content_type", PropertyId.ContentType);
        if (properties.ContainsKey("correlation_id_hex"))
        {
            writer.Write(PropertyId.CorrelationId, properties.Bytes("correlation_id_hex"));
        }

        foreach (JsonNode? header in properties["headers"]?.AsArray() ?? [])
        {
            writer.WriteEventHeader(header!.AsObject().Utf8("key"), header.AsObject().Bytes("value_hex"));
        }

        if (properties.ContainsKey("ttl_ms"))
        {
            writer.Write(PropertyId.TimeToLive, properties.U32("ttl_ms"));
        }

        if (properties.ContainsKey("priority"))
        {
            writer.Write(PropertyId.Priority, (byte)Json.Parse<Priority>(properties.Name("priority")));
        }

        Text(ref writer, "reply_topic", PropertyId.ReplyTopic);
        return writer.Written;
    }

    internal static int WriteRun(JsonNode payloads, Span<byte> destination)
    {
        int written = 0;
        foreach (JsonNode? payload in payloads.AsArray())
        {
            written += EventRunBody.Write(destination[written..], Convert.FromHexString(payload!.GetValue<string>()));
        }

        return written;
    }

    private static JsonObject List(ReadOnlySpan<byte> properties, EventProperties read)
    {
        JsonObject listed = [];
        JsonArray headers = [];
        PropertyReader reader = new(properties);
        while (reader.TryRead(out byte id, out ReadOnlySpan<byte> value))
        {
            switch (id)
            {
                case PropertyId.ContentType:
                    listed["content_type"] = Json.Text(value);
                    break;
                case PropertyId.CorrelationId:
                    listed["correlation_id_hex"] = Json.Hex(value);
                    break;
                case PropertyId.ReplyTopic:
                    listed["reply_topic"] = Json.Text(value);
                    break;
                case PropertyId.Header:
                    Assert.True(EventHeader.TryRead(value, out EventHeader header));
                    headers.Add(new JsonObject
                    {
                        ["key"] = Json.Text(header.Key),
                        ["value_hex"] = Json.Hex(header.Value),
                    });
                    break;
            }
        }

        if (headers.Count != 0)
        {
            listed["headers"] = headers;
        }

        if (read.TopicBytes != 0)
        {
            listed["topic"] = Encoding.UTF8.GetString(read.Topic);
        }

        if (read.TimeToLiveMs != 0)
        {
            listed["ttl_ms"] = read.TimeToLiveMs;
        }

        if (read.Priority != Priority.Normal)
        {
            listed["priority"] = Json.Lower(read.Priority);
        }

        return listed;
    }
}
