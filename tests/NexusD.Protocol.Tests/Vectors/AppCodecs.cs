using System.Text.Json.Nodes;
using NexusD.Protocol.App;
using NexusD.Protocol.Greetings;
using NexusD.Protocol.Topics;

namespace NexusD.Protocol.Tests.Vectors;

/// <summary>Kinds of records in app-v1.json, all but those that carry events.</summary>
internal static class AppCodecs
{
    internal static Dictionary<string, VectorCodec> All { get; } = new(SharedCodecs.All)
    {
        ["client_greeting"] = new(DecodeClientGreeting, EncodeClientGreeting),
        ["daemon_greeting"] = new(
            DecodeDaemonGreeting, (f, to) => new DaemonGreeting((byte)f.U32("version")).Write(to)),
        ["greeting_detection"] = new(DecodeDetection, (_, _) => throw new NotSupportedException("decode only")),
        ["hello"] = new(AppHandshakeCodecs.DecodeHello, AppHandshakeCodecs.EncodeHello),
        ["welcome"] = new(AppHandshakeCodecs.DecodeWelcome, AppHandshakeCodecs.EncodeWelcome),
        ["publish"] = new(RunCodecs.DecodePublish, RunCodecs.EncodePublish),
        ["deliver"] = new(RunCodecs.DecodeDeliver, RunCodecs.EncodeDeliver),
        ["ack"] = new(DecodeAck, EncodeAck),
        ["credit"] = new(DecodeCredit, (f, to) => new CreditFrame(f.U32("subscription"), f.U32("bytes")).Write(to)),
        ["subscribe"] = new(DecodeSubscribe, EncodeSubscribe),
        ["pause"] = new(
            KeepCodecs.DecodePause,
            (f, to) => new PauseFrame(f.U32("subscription"), f.U32("milliseconds")).Write(to)),
        ["paused"] = new(KeepCodecs.DecodePaused, KeepCodecs.EncodePaused),
        ["subscribe_kept"] = new(DecodeSubscribe, EncodeSubscribe),
        ["subscribed_kept"] = new(KeepCodecs.DecodeSubscribed, KeepCodecs.EncodeSubscribed),
        ["subscribed"] = new(KeepCodecs.DecodeSubscribed, KeepCodecs.EncodeSubscribed),
        ["unsubscribed"] = new(DecodeUnsubscribed, EncodeUnsubscribed),
        ["unsubscribe"] = new(DecodeUnsubscribe, (f, to) => new UnsubscribeFrame(f.U32("subscription")).Write(to)),
        ["ping"] = new(DecodePing, (f, to) => new PingFrame(f.U64("opaque"), false).Write(to)),
        ["pong"] = new(DecodePing, (f, to) => new PingFrame(f.U64("opaque"), true).Write(to)),
        ["query"] = new(DecodeQuery, (f, to) => new QueryFrame(f.U32("request"), f.Utf8("text")).Write(to)),
        ["result"] = new(DecodeResult, EncodeResult),
        ["notice"] = new(SharedCodecs.DecodeGap, (f, to) => SharedCodecs.EncodeGap(f, to, isNotice: true)),
        ["bye"] = SharedCodecs.Empty(FrameKind.Bye),
    };

    private static Decoded DecodeClientGreeting(ReadOnlySpan<byte> bytes, ReaderLimits limits)
    {
        GreetingKind kind = ClientGreeting.Detect(bytes, out ClientGreeting greeting);
        Assert.Equal(GreetingKind.NexusD, kind);
        return new(ErrorCode.None, new JsonObject
        {
            ["min"] = greeting.MinVersion,
            ["max"] = greeting.MaxVersion,
            ["chosen"] = greeting.ChosenVersion,
        });
    }

    private static int EncodeClientGreeting(JsonObject fields, Span<byte> to) =>
        new ClientGreeting((byte)fields.U32("min"), (byte)fields.U32("max")).Write(to);

    private static Decoded DecodeDaemonGreeting(ReadOnlySpan<byte> bytes, ReaderLimits limits)
    {
        ErrorCode error = DaemonGreeting.TryRead(bytes, out DaemonGreeting greeting);
        return new(error, new JsonObject { ["version"] = greeting.Version });
    }

    private static Decoded DecodeDetection(ReadOnlySpan<byte> bytes, ReaderLimits limits)
    {
        GreetingKind kind = ClientGreeting.Detect(bytes, out _);
        JsonNode verdict = kind == GreetingKind.NeedMore ? "need_more" : Json.Lower(kind);
        return new(ErrorCode.None, new JsonObject { ["verdict"] = verdict });
    }

    private static Decoded DecodeAck(ReadOnlySpan<byte> frame, ReaderLimits limits)
    {
        ErrorCode error = AckFrame.TryRead(frame, out AckFrame ack);
        return new(error, new JsonObject
        {
            ["code"] = ack.Code.ToWireName(),
            ["number"] = Json.Number(ack.Number),
            ["count"] = ack.Count,
            ["local"] = ack.Local,
            ["peers"] = ack.Peers,
        });
    }

    private static int EncodeAck(JsonObject fields, Span<byte> to) => new AckFrame
    {
        Code = Json.Code(fields.Name("code")),
        Number = fields.U64("number"),
        Count = fields.U32("count"),
        Local = fields.U32("local"),
        Peers = fields.U32("peers"),
    }.Write(to);

    private static Decoded DecodeCredit(ReadOnlySpan<byte> frame, ReaderLimits limits)
    {
        ErrorCode error = CreditFrame.TryRead(frame, out CreditFrame credit);
        return new(error, new JsonObject { ["subscription"] = credit.Subscription, ["bytes"] = credit.Bytes });
    }

    private static Decoded DecodeSubscribe(ReadOnlySpan<byte> frame, ReaderLimits limits)
    {
        ErrorCode error = SubscribeFrame.TryRead(frame, out SubscribeFrame subscribe);
        JsonArray filters = [];
        FilterListReader reader = new(subscribe.Filters);
        while (error == ErrorCode.None && reader.TryRead(out ReadOnlySpan<byte> filter))
        {
            if (GroupFilter.IsGroup(filter) && GroupFilter.TryParse(filter, out GroupFilter? group) == TopicError.None)
            {
                filters.Add(group!.ToString());
                continue;
            }

            if (TopicFilter.TryParse(filter, out TopicFilter? parsed) != TopicError.None)
            {
                return new(ErrorCode.BadFilter, []);
            }

            filters.Add(parsed!.ToString());
        }

        var fields = new JsonObject
        {
            ["no_retained"] = subscribe.NoRetained,
            ["subscription"] = subscribe.Subscription,
            ["credit"] = subscribe.Credit,
            ["queue_events"] = subscribe.QueueEvents,
            ["queue_bytes"] = subscribe.QueueBytes,
            ["filter_count"] = filters.Count,
            ["filters"] = filters,
        };
        if (subscribe.Strategy is { } strategy)
        {
            fields["strategy"] = strategy.ToWireName();
        }

        if (subscribe.Overflow is { } overflow)
        {
            fields["overflow"] = overflow.ToWireName();
        }

        if (subscribe.BlockTimeoutMs is { } timeout)
        {
            fields["block_timeout_ms"] = timeout;
        }

        if (!subscribe.Resume.IsEmpty)
        {
            DecodeResume(subscribe.Resume, fields);
        }

        KeepCodecs.AddTo(fields, subscribe.KeepMs, subscribe.KeepToken, subscribe.Position);

        return new(error, fields);
    }

    private static void DecodeResume(ReadOnlySpan<byte> list, JsonObject fields)
    {
        var reader = new ResumeReader(list);
        JsonArray entries = [];
        while (reader.TryRead(out ResumeEntry entry))
        {
            entries.Add(new JsonObject
            {
                ["publisher"] = Json.Number(entry.Publisher),
                ["number"] = Json.Number(entry.Number),
                ["timestamp"] = Json.Number(entry.Timestamp),
                ["priority"] = (byte)entry.Priority,
            });
        }

        fields["resume_since"] = Json.Number(reader.Since);
        fields["resume"] = entries;
    }

    private static byte[] EncodeResume(JsonObject fields)
    {
        if (fields["resume"] is not JsonArray entries)
        {
            return [];
        }

        byte[] list = new byte[ResumeReader.Size(entries.Count)];
        int at = ResumeReader.WriteHeader(list, fields.U64("resume_since"));
        foreach (JsonObject? entry in entries.Cast<JsonObject?>())
        {
            at += ResumeReader.Write(list.AsSpan(at), new ResumeEntry(
                entry!.U64("publisher"), entry!.U64("number"), entry!.U64("timestamp"),
                (Priority)entry!.U32("priority")));
        }

        return list;
    }

    private static int EncodeSubscribe(JsonObject fields, Span<byte> to)
    {
        byte[] filters = new byte[4096];
        int length = 0;
        foreach (JsonNode? filter in fields["filters"]!.AsArray())
        {
            byte[] utf8 = System.Text.Encoding.UTF8.GetBytes(filter!.GetValue<string>());
            length += FilterListReader.Write(filters.AsSpan(length), utf8);
        }

        return new SubscribeFrame
        {
            NoRetained = fields.Flag("no_retained"),
            Subscription = fields.U32("subscription"),
            Credit = fields.U32("credit"),
            QueueEvents = fields.U32("queue_events"),
            QueueBytes = fields.U32("queue_bytes"),
            Strategy = StrategyOf(fields),
            Overflow = OverflowPolicyNames.TryParse(fields["overflow"]?.GetValue<string>() ?? "", out var overflow)
                ? overflow
                : null,
            BlockTimeoutMs = fields["block_timeout_ms"] is null ? null : fields.U32("block_timeout_ms"),
            Resume = EncodeResume(fields),
            KeepMs = KeepCodecs.KeepMsOf(fields),
            KeepToken = KeepCodecs.TokenOf(fields),
            Position = KeepCodecs.PositionOf(fields),
            Filters = filters.AsSpan(0, length),
        }.Write(to);
    }

    private static Decoded DecodeUnsubscribed(ReadOnlySpan<byte> frame, ReaderLimits limits)
    {
        ErrorCode error = UnsubscribedFrame.TryRead(frame, out UnsubscribedFrame value);
        return new(error, AnswerFields(value.Code, value.Subscription, value.Text));
    }

    private static int EncodeUnsubscribed(JsonObject fields, Span<byte> to) => new UnsubscribedFrame
    {
        Code = Json.Code(fields.Name("code")),
        Subscription = fields.U32("subscription"),
        Text = fields.Utf8("text"),
    }.Write(to);

    internal static JsonObject AnswerFields(ErrorCode code, uint subscription, ReadOnlySpan<byte> text) => new()
    {
        ["code"] = code.ToWireName(),
        ["subscription"] = subscription,
        ["text"] = Json.Text(text),
    };

    private static Decoded DecodeUnsubscribe(ReadOnlySpan<byte> frame, ReaderLimits limits)
    {
        ErrorCode error = UnsubscribeFrame.TryRead(frame, out UnsubscribeFrame unsubscribe);
        return new(error, new JsonObject { ["subscription"] = unsubscribe.Subscription });
    }

    private static Decoded DecodePing(ReadOnlySpan<byte> frame, ReaderLimits limits)
    {
        ErrorCode error = PingFrame.TryRead(frame, out PingFrame ping);
        return new(error, new JsonObject { ["opaque"] = Json.Number(ping.Opaque) });
    }

    private static Decoded DecodeQuery(ReadOnlySpan<byte> frame, ReaderLimits limits)
    {
        ErrorCode error = QueryFrame.TryRead(frame, out QueryFrame query);
        return new(error, new JsonObject { ["request"] = query.Request, ["text"] = Json.Text(query.Text) });
    }

    private static Decoded DecodeResult(ReadOnlySpan<byte> frame, ReaderLimits limits)
    {
        ErrorCode error = ResultFrame.TryRead(frame, out ResultFrame result);
        return new(error, new JsonObject
        {
            ["code"] = result.Code.ToWireName(),
            ["request"] = result.Request,
            ["text"] = Json.Text(result.Text),
        });
    }

    private static int EncodeResult(JsonObject fields, Span<byte> to) => new ResultFrame
    {
        Code = Json.Code(fields.Name("code")),
        Request = fields.U32("request"),
        Text = fields.Utf8("text"),
    }.Write(to);

    internal static GroupStrategy? StrategyOf(JsonObject fields) => fields["strategy"]?.GetValue<string>() is { } name
        ? (GroupStrategy)GroupStrategyNames.All.ToList().IndexOf(name)
        : null;
}
