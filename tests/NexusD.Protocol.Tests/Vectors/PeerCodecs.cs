using System.Text.Json.Nodes;
using NexusD.Protocol.Greetings;
using NexusD.Protocol.Peer;
using NexusD.Protocol.Topics;

namespace NexusD.Protocol.Tests.Vectors;

/// <summary>Kinds of records in peer-v1.json.</summary>
internal static class PeerCodecs
{
    private static readonly string[] WhatNames =
        ["ask_groups", "groups", "ask_leaves", "leaves", "ask_lists", "list", "ask_events"];

    internal static Dictionary<string, VectorCodec> All { get; } = new(SharedCodecs.All)
    {
        ["preamble"] = new(DecodePreamble, EncodePreamble),
        ["hello"] = new(DecodeHello, EncodeHello),
        ["interest"] = new(DecodeInterest, EncodeInterest),
        ["interest_state"] = new(DecodeInterestState, EncodeInterestState),
        ["interest_request"] = SharedCodecs.Empty(PeerFrameKind.InterestRequest),
        ["retained_request"] = SharedCodecs.Empty(PeerFrameKind.RetainedRequest),
        ["retained_state"] = new(DecodeRetainedState, (f, to) => EncodeRetainedState(f, to, false)),
        ["retained_end"] = new(DecodeRetainedState, (f, to) => EncodeRetainedState(f, to, true)),
        ["retained_digests"] = new(DecodeRetainedDigests, EncodeRetainedDigests),
        ["forward"] = new(RunCodecs.DecodeForward, RunCodecs.EncodeForward),
        ["retained"] = new(RunCodecs.DecodeRetained, RunCodecs.EncodeRetained),
        ["lane_ack"] = new(DecodeLaneAck, (f, to) => new LaneAckFrame(CountsOf(f)).Write(to)),
        ["lane_resume"] = new(DecodeLaneResume, EncodeLaneResume),
        ["ping"] = new(DecodePing, (f, to) => new PeerPingFrame(f.U64("opaque"), f.U64("timestamp"), false).Write(to)),
        ["pong"] = new(DecodePing, (f, to) => new PeerPingFrame(f.U64("opaque"), f.U64("timestamp"), true).Write(to)),
    };

    private static Decoded DecodePreamble(ReadOnlySpan<byte> bytes, ReaderLimits limits)
    {
        ErrorCode error = StreamPreamble.TryRead(bytes, out StreamPreamble preamble);
        return new(error, new JsonObject
        {
            ["role"] = preamble.IsLane ? "lane" : "control",
            ["lane"] = preamble.Lane,
            ["class"] = Json.Lower(preamble.Class),
        });
    }

    private static int EncodePreamble(JsonObject fields, Span<byte> to) => fields.Name("role") == "control"
        ? StreamPreamble.Control.Write(to)
        : StreamPreamble.ForLane((byte)fields.U32("lane"), Json.Parse<Priority>(fields.Name("class"))).Write(to);

    private static Decoded DecodeHello(ReadOnlySpan<byte> frame, ReaderLimits limits)
    {
        ErrorCode error = PeerHelloFrame.TryRead(frame, out PeerHelloFrame hello);
        return new(error, new JsonObject
        {
            ["node_id_hex"] = hello.NodeId.ToString(),
            ["node_name"] = Json.Text(hello.NodeName),
            ["cluster"] = Json.Text(hello.Cluster),
            ["daemon_version"] = Json.Text(hello.DaemonVersion),
            ["mesh_port"] = hello.MeshPort,
            ["timestamp"] = Json.Number(hello.Timestamp),
            ["max_aliases"] = hello.MaxAliases,
            ["max_frame"] = hello.MaxFrame,
            ["max_payload"] = hello.MaxPayload,
        });
    }

    private static int EncodeHello(JsonObject fields, Span<byte> to) => new PeerHelloFrame
    {
        NodeId = new NodeId(fields.Bytes("node_id_hex")),
        NodeName = fields.Utf8("node_name"),
        Cluster = fields.Utf8("cluster"),
        DaemonVersion = fields.Utf8("daemon_version"),
        MeshPort = (ushort)fields.U32("mesh_port"),
        Timestamp = fields.U64("timestamp"),
        MaxAliases = fields.U32("max_aliases"),
        MaxFrame = fields.U32("max_frame"),
        MaxPayload = fields.U32("max_payload"),
    }.Write(to);

    private static Decoded DecodeInterest(ReadOnlySpan<byte> frame, ReaderLimits limits)
    {
        ErrorCode error = InterestFrame.TryRead(frame, out InterestFrame interest);
        JsonArray entries = [];
        InterestReader reader = new(interest.Entries);
        while (error == ErrorCode.None && reader.TryRead(
            out InterestChange change, out ReadOnlySpan<byte> filter, out uint member, out GroupStrategy strategy))
        {
            if (member != 0)
            {
                if (GroupFilter.TryParse(filter, out GroupFilter? group) != TopicError.None)
                {
                    return new(ErrorCode.Malformed, []);
                }

                entries.Add(new JsonObject
                {
                    ["op"] = Json.Lower(change),
                    ["filter"] = group!.ToString(),
                    ["member"] = member,
                    ["strategy"] = strategy.ToWireName(),
                });
                continue;
            }

            if (TopicFilter.TryParse(filter, out TopicFilter? parsed) != TopicError.None)
            {
                return new(ErrorCode.Malformed, []);
            }

            entries.Add(new JsonObject { ["op"] = Json.Lower(change), ["filter"] = parsed!.ToString() });
        }

        return new(error, new JsonObject
        {
            ["reset"] = interest.Reset,
            ["version"] = Json.Number(interest.Version),
            ["entry_count"] = entries.Count,
            ["entries"] = entries,
        });
    }

    private static int EncodeInterest(JsonObject fields, Span<byte> to)
    {
        byte[] entries = new byte[4096];
        int length = 0;
        foreach (JsonNode? entry in fields["entries"]!.AsArray())
        {
            JsonObject one = entry!.AsObject();
            InterestChange change = Json.Parse<InterestChange>(one.Name("op"));
            bool isMember = InterestReader.IsOfMember(change);
            length += InterestReader.Write(
                entries.AsSpan(length),
                change,
                one.Utf8("filter"),
                isMember ? one.U32("member") : 0,
                isMember ? AppCodecs.StrategyOf(one) ?? default : default);
        }

        return new InterestFrame
        {
            Reset = fields.Flag("reset"),
            Version = fields.U64("version"),
            Entries = entries.AsSpan(0, length),
        }.Write(to);
    }

    private static Decoded DecodeInterestState(ReadOnlySpan<byte> frame, ReaderLimits limits)
    {
        ErrorCode error = InterestStateFrame.TryRead(frame, out InterestStateFrame state);
        return new(error, new JsonObject
        {
            ["version"] = Json.Number(state.Version),
            ["digest"] = Json.Number(state.Digest),
            ["count"] = state.Count,
        });
    }

    private static int EncodeInterestState(JsonObject fields, Span<byte> to) =>
        new InterestStateFrame(fields.U64("version"), fields.U64("digest"), fields.U32("count")).Write(to);

    private static Decoded DecodeRetainedState(ReadOnlySpan<byte> frame, ReaderLimits limits)
    {
        ErrorCode error = RetainedStateFrame.TryRead(frame, out RetainedStateFrame state);
        return new(error, new JsonObject { ["digest"] = Json.Number(state.Digest), ["count"] = state.Count });
    }

    private static Decoded DecodeRetainedDigests(ReadOnlySpan<byte> frame, ReaderLimits limits)
    {
        ErrorCode error = RetainedDigestsFrame.TryRead(frame, out RetainedDigestsFrame digests);
        var numbers = new JsonArray();
        bool isShort = digests.Kind is RetainedDigestsKind.AskLeaves or RetainedDigestsKind.AskLists;
        for (int i = 0; i < digests.Body.Length / (isShort ? sizeof(ushort) : sizeof(ulong)); i++)
        {
            numbers.Add(Json.Number(isShort ? (ulong)digests.U16(i) : digests.U64(i)));
        }

        return new(error, new JsonObject
        {
            ["what"] = WhatNames[(int)digests.Kind],
            ["group"] = digests.Group,
            ["numbers"] = numbers,
        });
    }

    private static int EncodeRetainedDigests(JsonObject fields, Span<byte> to)
    {
        var kind = (RetainedDigestsKind)Array.IndexOf(WhatNames, fields.Name("what"));
        ulong[] numbers = [.. fields["numbers"]!.AsArray().Select(
            n => ulong.Parse(n!.GetValue<string>(), System.Globalization.CultureInfo.InvariantCulture))];
        int count = kind == RetainedDigestsKind.List ? numbers.Length / 3 : numbers.Length;
        RetainedDigestsFrame.WriteHeader(to, kind, count, (int)fields.U32("group"));
        for (int i = 0; i < numbers.Length; i++)
        {
            if (kind is RetainedDigestsKind.AskLeaves or RetainedDigestsKind.AskLists)
            {
                RetainedDigestsFrame.PutU16(to, i, (int)numbers[i]);
            }
            else
            {
                RetainedDigestsFrame.PutU64(to, i, numbers[i]);
            }
        }

        return RetainedDigestsFrame.BytesOf(kind, count);
    }

    private static int EncodeRetainedState(JsonObject fields, Span<byte> to, bool isEnd) =>
        new RetainedStateFrame(fields.U64("digest"), fields.U32("count"), isEnd).Write(to);

    private static Decoded DecodeLaneAck(ReadOnlySpan<byte> frame, ReaderLimits limits)
    {
        ErrorCode error = LaneAckFrame.TryRead(frame, out LaneAckFrame ack);
        return new(error, new JsonObject { ["lanes"] = ListOf(ack.Counts) });
    }

    private static Decoded DecodeLaneResume(ReadOnlySpan<byte> frame, ReaderLimits limits)
    {
        ErrorCode error = LaneResumeFrame.TryRead(frame, out LaneResumeFrame resume);
        return new(error, new JsonObject
        {
            ["own"] = Json.Number(resume.Own),
            ["yours"] = Json.Number(resume.Yours),
            ["lanes"] = ListOf(resume.Counts),
        });
    }

    private static int EncodeLaneResume(JsonObject fields, Span<byte> to) => new LaneResumeFrame
    {
        Own = fields.U64("own"),
        Yours = fields.U64("yours"),
        Counts = CountsOf(fields),
    }.Write(to);

    private static JsonArray ListOf(LaneCounts counts)
    {
        JsonArray list = [];
        for (int lane = 0; lane < ProtocolLimits.MaxLanes; lane++)
        {
            if (counts.Has(lane))
            {
                list.Add(new JsonObject { ["lane"] = lane, ["bytes"] = Json.Number(counts[lane]) });
            }
        }

        return list;
    }

    private static LaneCounts CountsOf(JsonObject fields)
    {
        var counts = default(LaneCounts);
        foreach (JsonNode? entry in fields["lanes"]!.AsArray())
        {
            counts.Set((int)entry!.AsObject().U32("lane"), entry.AsObject().U64("bytes"));
        }

        return counts;
    }

    private static Decoded DecodePing(ReadOnlySpan<byte> frame, ReaderLimits limits)
    {
        ErrorCode error = PeerPingFrame.TryRead(frame, out PeerPingFrame ping);
        return new(error, new JsonObject
        {
            ["opaque"] = Json.Number(ping.Opaque),
            ["timestamp"] = Json.Number(ping.Timestamp),
        });
    }
}
