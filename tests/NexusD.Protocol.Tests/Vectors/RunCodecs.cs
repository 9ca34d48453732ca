using System.Text.Json.Nodes;
using NexusD.Protocol.App;
using NexusD.Protocol.Peer;

namespace NexusD.Protocol.Tests.Vectors;

/// <summary>The kinds of frames that carry events: PUBLISH, DELIVER, FORWARD, RETAINED.</summary>
internal static class RunCodecs
{
    internal static Decoded DecodePublish(ReadOnlySpan<byte> frame, ReaderLimits limits)
    {
        ErrorCode error = PublishFrame.TryRead(frame, out PublishFrame publish);
        JsonObject fields = new()
        {
            ["retain"] = publish.Flags.HasFlag(RunFlags.Retain),
            ["acknowledge"] = publish.Flags.HasFlag(RunFlags.Acknowledge),
            ["alias"] = publish.Alias,
        };
        return new(error != ErrorCode.None ? error : EventCodec.Read(publish.Properties, publish.Alias, publish.Body,
            frame.Length, ProtocolLimits.MaxRunFrameBytes, limits, fields), fields);
    }

    internal static int EncodePublish(JsonObject fields, Span<byte> to)
    {
        RunFlags flags = Flag(fields, "retain", RunFlags.Retain) | Flag(fields, "acknowledge", RunFlags.Acknowledge);
        (int size, int properties) = EncodeEvent(fields, to, PublishFrame.HeaderBytes);
        int header = PublishFrame.WriteHeader(to, size, flags, properties, fields.U32("alias"));
        Assert.Equal(PublishFrame.HeaderBytes, header);
        return size;
    }

    internal static Decoded DecodeDeliver(ReadOnlySpan<byte> frame, ReaderLimits limits)
    {
        ErrorCode error = DeliverFrame.TryRead(frame, out DeliverFrame deliver);
        JsonObject fields = new()
        {
            ["retain"] = deliver.Flags.HasFlag(RunFlags.Retain),
            ["retained"] = deliver.Flags.HasFlag(RunFlags.Retained),
            ["subscription"] = deliver.Subscription,
            ["alias"] = deliver.Alias,
            ["publisher"] = Json.Number(deliver.Publisher),
            ["number"] = Json.Number(deliver.Number),
            ["timestamp"] = Json.Number(deliver.Timestamp),
        };
        if (deliver.Flags.HasFlag(RunFlags.Replayed))
        {
            fields["replayed"] = true;
        }

        return new(error != ErrorCode.None ? error : EventCodec.Read(deliver.Properties, deliver.Alias, deliver.Body,
            frame.Length, ProtocolLimits.MaxGrownRunFrameBytes, limits, fields), fields);
    }

    internal static int EncodeDeliver(JsonObject fields, Span<byte> to)
    {
        RunFlags flags = Flag(fields, "retain", RunFlags.Retain) | Flag(fields, "retained", RunFlags.Retained)
            | (fields["replayed"] is null ? RunFlags.None : Flag(fields, "replayed", RunFlags.Replayed));
        (int size, int properties) = EncodeEvent(fields, to, DeliverFrame.HeaderBytes);
        int header = DeliverFrame.WriteHeader(to, size, flags, properties, fields.U32("subscription"),
            fields.U32("alias"), fields.U64("publisher"), fields.U64("number"), fields.U64("timestamp"));
        Assert.Equal(DeliverFrame.HeaderBytes, header);
        return size;
    }

    internal static Decoded DecodeForward(ReadOnlySpan<byte> frame, ReaderLimits limits)
    {
        ErrorCode error = ForwardFrame.TryRead(frame, out ForwardFrame forward);
        JsonObject fields = new()
        {
            ["retain"] = forward.Flags.HasFlag(RunFlags.Retain),
            ["alias"] = forward.Alias,
            ["publisher"] = Json.Number(forward.Publisher),
            ["number"] = Json.Number(forward.Number),
            ["timestamp"] = Json.Number(forward.Timestamp),
        };
        if (!forward.Members.IsEmpty)
        {
            JsonArray members = [];
            for (int i = 0; i < forward.Members.Length / ForwardFrame.MemberBytes; i++)
            {
                members.Add(ForwardFrame.Member(forward.Members, i));
            }

            fields["members"] = members;
            fields["members_only"] = forward.MembersOnly;
            fields["redirects"] = forward.Redirects;
        }

        return new(error != ErrorCode.None ? error : EventCodec.Read(forward.Properties, forward.Alias, forward.Body,
            frame.Length - forward.Members.Length, ProtocolLimits.MaxGrownRunFrameBytes, limits, fields), fields);
    }

    internal static int EncodeForward(JsonObject fields, Span<byte> to)
    {
        (int size, int properties) = EncodeEvent(fields, to, ForwardFrame.HeaderBytes);
        uint[] members = [.. fields["members"]?.AsArray().Select(m => m!.GetValue<uint>()) ?? []];
        int start = ForwardFrame.HeaderBytes + properties;
        int grown = members.Length * ForwardFrame.MemberBytes;
        to[start..size].CopyTo(to[(start + grown)..]);
        size += grown;
        int header = ForwardFrame.WriteHeader(to, size, Flag(fields, "retain", RunFlags.Retain), properties,
            fields.U32("alias"), fields.U64("publisher"), fields.U64("number"), fields.U64("timestamp"));
        Assert.Equal(ForwardFrame.HeaderBytes, header);
        if (grown > 0)
        {
            ForwardFrame.WriteMembers(
                to, properties, members, fields.Flag("members_only"), (int)fields.U32("redirects"));
        }

        return size;
    }

    internal static Decoded DecodeRetained(ReadOnlySpan<byte> frame, ReaderLimits limits)
    {
        ErrorCode error = RetainedFrame.TryRead(frame, out RetainedFrame retained);
        JsonObject fields = new()
        {
            ["tombstone"] = retained.IsTombstone,
            ["publisher"] = Json.Number(retained.Publisher),
            ["number"] = Json.Number(retained.Number),
            ["timestamp"] = Json.Number(retained.Timestamp),
        };
        if (retained.IsExpired)
        {
            fields["expired"] = true;
        }

        if (error == ErrorCode.None)
        {
            error = EventCodec.Read(retained.Properties, 0, retained.Body, frame.Length, int.MaxValue, limits, fields);
        }

        if (error == ErrorCode.None)
        {
            fields["payload_hex"] = fields["payloads_hex"]![0]!.DeepClone();
            fields.Remove("payloads_hex");
        }

        return new(error, fields);
    }

    internal static int EncodeRetained(JsonObject fields, Span<byte> to)
    {
        byte[] properties = new byte[4096];
        int length = EventCodec.WriteProperties(fields["properties"]!.AsObject(), properties);
        byte[] body = new byte[4096];
        int bodyLength = EventRunBody.Write(body, fields.Bytes("payload_hex"));
        return new RetainedFrame
        {
            IsTombstone = fields.Flag("tombstone"),
            IsExpired = fields["expired"] is not null,
            Publisher = fields.U64("publisher"),
            Number = fields.U64("number"),
            Timestamp = fields.U64("timestamp"),
            Properties = properties.AsSpan(0, length),
            Body = body.AsSpan(0, bodyLength),
        }.Write(to);
    }

    private static (int FrameBytes, int PropertyBytes) EncodeEvent(JsonObject fields, Span<byte> to, int header)
    {
        int properties = EventCodec.WriteProperties(fields["properties"]!.AsObject(), to[header..]);
        int body = EventCodec.WriteRun(fields["payloads_hex"]!, to[(header + properties)..]);
        return (header + properties + body, properties);
    }

    private static RunFlags Flag(JsonObject fields, string name, RunFlags flag) =>
        fields.Flag(name) ? flag : RunFlags.None;
}
