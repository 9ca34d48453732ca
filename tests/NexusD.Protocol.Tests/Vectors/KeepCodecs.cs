using System.Text.Json.Nodes;
using NexusD.Protocol.App;

namespace NexusD.Protocol.Tests.Vectors;

/// <summary>What SUBSCRIBE and SUBSCRIBED say of kept subscriptions, PAUSE and PAUSED.</summary>
internal static class KeepCodecs
{
    internal static void AddTo(JsonObject fields, uint? keepMs, ReadOnlySpan<byte> token, StreamPosition? position)
    {
        if (keepMs is { } keep)
        {
            fields["keep_ms"] = keep;
        }

        if (!token.IsEmpty)
        {
            fields["token_hex"] = Convert.ToHexStringLower(token);
        }

        if (position is { } at)
        {
            fields["position_runs"] = Json.Number(at.Runs);
            fields["position_gaps"] = Json.Number(at.Gaps);
        }
    }

    internal static uint? KeepMsOf(JsonObject fields) => fields["keep_ms"] is null ? null : fields.U32("keep_ms");

    internal static byte[] TokenOf(JsonObject fields) =>
        Convert.FromHexString(fields["token_hex"]?.GetValue<string>() ?? "");

    internal static StreamPosition? PositionOf(JsonObject fields) => fields["position_runs"] is null
        ? null
        : new StreamPosition(fields.U64("position_runs"), fields.U64("position_gaps"));

    internal static Decoded DecodeSubscribed(ReadOnlySpan<byte> frame, ReaderLimits limits)
    {
        ErrorCode error = SubscribedFrame.TryRead(frame, out SubscribedFrame value);
        JsonObject fields = AppCodecs.AnswerFields(value.Code, value.Subscription, value.Text);
        AddTo(fields, value.KeepMs, value.KeepToken, value.Position);
        if (value.TakenOver)
        {
            fields["taken_over"] = true;
        }

        return new(error, fields);
    }

    internal static int EncodeSubscribed(JsonObject fields, Span<byte> to) => new SubscribedFrame
    {
        Code = Json.Code(fields.Name("code")),
        Subscription = fields.U32("subscription"),
        Text = fields.Utf8("text"),
        KeepMs = KeepMsOf(fields),
        KeepToken = TokenOf(fields),
        Position = PositionOf(fields),
        TakenOver = fields["taken_over"] is not null && fields.Flag("taken_over"),
    }.Write(to);

    internal static Decoded DecodePause(ReadOnlySpan<byte> frame, ReaderLimits limits)
    {
        ErrorCode error = PauseFrame.TryRead(frame, out PauseFrame pause);
        return new(error, new JsonObject
        {
            ["subscription"] = pause.Subscription,
            ["milliseconds"] = pause.Milliseconds,
        });
    }

    internal static Decoded DecodePaused(ReadOnlySpan<byte> frame, ReaderLimits limits)
    {
        ErrorCode error = PausedFrame.TryRead(frame, out PausedFrame value);
        return new(error, AppCodecs.AnswerFields(value.Code, value.Subscription, value.Text));
    }

    internal static int EncodePaused(JsonObject fields, Span<byte> to) => new PausedFrame
    {
        Code = Json.Code(fields.Name("code")),
        Subscription = fields.U32("subscription"),
        Text = fields.Utf8("text"),
    }.Write(to);
}
