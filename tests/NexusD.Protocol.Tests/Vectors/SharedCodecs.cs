using System.Text.Json.Nodes;
using NexusD.Protocol.Frames;
using NexusD.Protocol.Topics;

namespace NexusD.Protocol.Tests.Vectors;

/// <summary>Kinds of frames that both stream protocols have.</summary>
internal static class SharedCodecs
{
    internal static Dictionary<string, VectorCodec> All => new()
    {
        ["frame"] = new(DecodeHeader, (_, _) => throw new NotSupportedException("header records are decode only")),
        ["topic"] = new(DecodeTopic, EncodeTopic),
        ["gap"] = new(DecodeGap, (f, to) => EncodeGap(f, to, isNotice: false)),
        ["error"] = new(DecodeError, EncodeError),
        ["goaway"] = new(DecodeGoAway, EncodeGoAway),
    };

    internal static VectorCodec Empty(byte kind) => new(
        (_, _) => new Decoded(ErrorCode.None, []),
        (_, to) => EmptyFrame.Write(to, kind));

    private static Decoded DecodeHeader(ReadOnlySpan<byte> frame, ReaderLimits limits)
    {
        FrameStatus status = FrameHeader.TryCut(frame, limits.MaxFrame, out FrameHeader header);
        Assert.NotEqual(FrameStatus.NeedMore, status);
        return new Decoded((ErrorCode)status, new JsonObject { ["kind"] = header.Kind, ["skipped"] = true });
    }

    private static Decoded DecodeTopic(ReadOnlySpan<byte> frame, ReaderLimits limits)
    {
        ErrorCode error = TopicFrame.TryRead(frame, out TopicFrame topic);
        if (error == ErrorCode.None && topic.Alias > ProtocolLimits.DefaultMaxAliases)
        {
            error = ErrorCode.Malformed;
        }

        if (error == ErrorCode.None && TopicName.Validate(topic.Topic) != TopicError.None)
        {
            error = ErrorCode.BadTopic;
        }

        return new(error, new JsonObject { ["alias"] = topic.Alias, ["topic"] = Json.Text(topic.Topic) });
    }

    private static int EncodeTopic(JsonObject fields, Span<byte> to) =>
        new TopicFrame(fields.U32("alias"), fields.Utf8("topic")).Write(to);

    internal static Decoded DecodeGap(ReadOnlySpan<byte> frame, ReaderLimits limits)
    {
        ErrorCode error = GapFrame.TryRead(frame, out GapFrame gap);
        return new(error, new JsonObject
        {
            ["reason"] = gap.Reason.ToWireName(),
            ["subscription"] = gap.Subscription,
            ["publisher"] = Json.Number(gap.Publisher),
            ["from"] = Json.Number(gap.From),
            ["to"] = Json.Number(gap.To),
            ["count"] = Json.Number(gap.Count),
            ["where"] = Json.Text(gap.Where),
        });
    }

    internal static int EncodeGap(JsonObject fields, Span<byte> to, bool isNotice) => new GapFrame
    {
        IsNotice = isNotice,
        Reason = Json.Reason(fields.Name("reason")),
        Subscription = fields.U32("subscription"),
        Publisher = fields.U64("publisher"),
        From = fields.U64("from"),
        To = fields.U64("to"),
        Count = fields.U64("count"),
        Where = fields.Utf8("where"),
    }.Write(to);

    private static Decoded DecodeError(ReadOnlySpan<byte> frame, ReaderLimits limits)
    {
        ErrorCode error = ErrorFrame.TryRead(frame, out ErrorFrame value);
        return new(error, ErrorFields(value.Code, value.Closes, value.Reference, value.Text));
    }

    private static int EncodeError(JsonObject fields, Span<byte> to) => new ErrorFrame
    {
        Code = Json.Code(fields.Name("code")),
        Closes = fields.Flag("closes"),
        Reference = fields.U64("reference"),
        Text = fields.Utf8("text"),
    }.Write(to);

    private static Decoded DecodeGoAway(ReadOnlySpan<byte> frame, ReaderLimits limits)
    {
        ErrorCode error = GoAwayFrame.TryRead(frame, out GoAwayFrame value);
        return new(error, ErrorFields(value.Code, value.Closes, value.Reference, value.Text));
    }

    private static int EncodeGoAway(JsonObject fields, Span<byte> to) => new GoAwayFrame
    {
        Code = Json.Code(fields.Name("code")),
        Closes = fields.Flag("closes"),
        Reference = fields.U64("reference"),
        Text = fields.Utf8("text"),
    }.Write(to);

    private static JsonObject ErrorFields(ErrorCode code, bool closes, ulong about, ReadOnlySpan<byte> text) => new()
    {
        ["code"] = code.ToWireName(),
        ["closes"] = closes,
        ["reference"] = Json.Number(about),
        ["text"] = Json.Text(text),
    };
}
