using NexusD.Protocol;
using NexusD.Protocol.Topics;

namespace NexusdClient.Publishing;

/// <summary>Texts of refused events, in one place.</summary>
internal static class PublishErrors
{
    internal static PublishException BadTopic(string topic, TopicError error) =>
        new(ErrorCode.BadTopic, $"Cannot publish to '{Shorten(topic)}': {error.Describe()}");

    internal static PublishException SystemTopic(string topic) => new(
        ErrorCode.BadTopic,
        $"Cannot publish to '{Shorten(topic)}': names that start with '$' belong to the system; choose another name.");

    internal static PublishException PayloadTooLarge(long bytes, long max) => new(
        ErrorCode.PayloadTooLarge,
        $"The payload has {bytes} bytes; the daemon takes at most {max}. Send less, or start nexusd with a larger "
        + "--max-payload.");

    internal static PublishException PropertiesTooLarge(int bytes) => new(
        ErrorCode.OverLimit,
        $"Content type, headers and so on take {bytes} bytes together; at most "
        + $"{ProtocolLimits.MaxEventPropertyBytes} are allowed.");

    internal static PublishException Refused(ErrorCode code) => new(code, code switch
    {
        ErrorCode.BadTopic => "The daemon refused the topic: see docs/protocol/topics.md for what a name may hold.",
        ErrorCode.PayloadTooLarge =>
            "The daemon refused the payload as too large: send less, or raise its --max-payload.",
        ErrorCode.Forbidden =>
            "The daemon does not let this client publish to the topic: ask for the right, or change the topic.",
        ErrorCode.ShuttingDown => "The daemon is leaving and took no more events: publish again when it is back.",
        _ => $"The daemon refused the event: {code.ToWireName()}.",
    });

    internal static PublishException NotAcknowledged(TimeSpan timeout, Exception? last) => new(
        $"The daemon did not acknowledge the event within {timeout.TotalSeconds:0.###} s; it may still be delivered. "
        + (last is null ? "Is nexusd overloaded?" : last.Message),
        last);

    internal static BufferFullException BufferFull(int limit, Exception? last) => new(
        $"The daemon is away and the {limit} bytes of PublishBufferBytes are full; the event was not kept. "
        + (last is null ? "Is nexusd running?" : last.Message),
        last);

    private static string Shorten(string text) => text.Length <= 100 ? text : text[..100] + "...";
}
