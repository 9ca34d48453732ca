using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using NexusD.Protocol;
using NexusdClient;

namespace ConformanceAgent;

/// <summary>The client's types in the words of the agent protocol, and back.</summary>
internal static class Words
{
    private const int LongestPayload = 4_096;

    internal static string Text(ulong number) => number.ToString(CultureInfo.InvariantCulture);

    internal static string Of(ConnectionState state) => state.ToString().ToLowerInvariant();

    internal static string Of(DropReason reason) => reason.ToWireName();

    internal static PublishRequest ToRequest(JsonObject command) => new()
    {
        Topic = (string)command["topic"]!,
        Payload = (int?)command["size"] is { } size
            ? Enumerable.Repeat((byte)'x', size).ToArray()
            : Encoding.UTF8.GetBytes((string?)command["payload"] ?? ""),
        Retain = (bool?)command["retain"] ?? false,
        TimeToLive = (double?)command["ttl_ms"] is { } ttl ? TimeSpan.FromMilliseconds(ttl) : null,
        Priority = (string?)command["priority"] switch
        {
            "high" => EventPriority.High,
            "low" => EventPriority.Low,
            _ => EventPriority.Normal,
        },
        ContentType = (string?)command["content_type"],
        CorrelationId = (string?)command["correlation_id"],
        ReplyTopic = (string?)command["reply_topic"],
        Headers = (command["headers"] as JsonObject)?.ToDictionary(h => h.Key, h => (string)h.Value!),
    };

    internal static SubscribeOptions ToSubscribeOptions(JsonObject options)
    {
        var defaults = new SubscribeOptions();
        return new()
        {
            ReceiveRetained = (bool?)options["receive_retained"] ?? true,
            ResumeAfterReconnect = (bool?)options["resume"] ?? true,
            KeepFor = (double?)options["keep_ms"] is { } keep ? TimeSpan.FromMilliseconds(keep) : null,
            ResumeToken = (string?)options["token"],
            Group = (string?)options["group"],
            Strategy = (string?)options["strategy"] switch
            {
                "sticky" => GroupStrategy.Sticky,
                "round-robin" => GroupStrategy.RoundRobin,
                "least-pending" => GroupStrategy.LeastPending,
                "local-first" => GroupStrategy.LocalFirst,
                _ => null,
            },
            Overflow = (string?)options["overflow"] switch
            {
                "drop-oldest" => OverflowPolicy.DropOldest,
                "drop-newest" => OverflowPolicy.DropNewest,
                "block" => OverflowPolicy.Block,
                "conflate" => OverflowPolicy.Conflate,
                _ => null,
            },
            BlockTimeout = (double?)options["block_timeout_ms"] is { } ms ? TimeSpan.FromMilliseconds(ms) : null,
            QueueEvents = (int?)options["queue_events"] ?? 0,
            QueueBytes = (int?)options["queue_bytes"] ?? 0,
            ReceiveBufferBytes = (int?)options["receive_buffer_bytes"] ?? defaults.ReceiveBufferBytes,
        };
    }

    internal static JsonObject Describe(Message message)
    {
        var described = new JsonObject
        {
            ["topic"] = message.Topic,
            ["size"] = message.Payload.Length,
            ["publisher"] = Text(message.Publisher),
            ["number"] = Text(message.Number),
            ["content_type"] = message.ContentType,
            ["correlation_id"] = message.CorrelationId,
            ["reply_topic"] = message.ReplyTopic,
            ["ttl_ms"] = message.TimeToLive?.TotalMilliseconds,
            ["priority"] = message.Priority.ToString().ToLowerInvariant(),
            ["headers"] = new JsonObject(message.Headers.Select(
                h => KeyValuePair.Create<string, JsonNode?>(h.Key, h.Value))),
            ["retained"] = message.IsRetained,
            ["replayed"] = message.IsReplayed,
        };
        if (message.Payload.Length <= LongestPayload)
        {
            described["payload"] = Encoding.UTF8.GetString(message.Payload);
        }

        return described;
    }
}
