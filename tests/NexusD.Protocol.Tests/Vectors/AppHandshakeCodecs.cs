using System.Text.Json.Nodes;
using NexusD.Protocol.App;

namespace NexusD.Protocol.Tests.Vectors;

/// <summary>HELLO and WELCOME of app-v1.json.</summary>
internal static class AppHandshakeCodecs
{
    internal static Decoded DecodeHello(ReadOnlySpan<byte> frame, ReaderLimits limits)
    {
        ErrorCode error = HelloFrame.TryRead(frame, out HelloFrame hello);
        return new(error, new JsonObject
        {
            ["client_name"] = Json.Text(hello.ClientName),
            ["client_library"] = Json.Text(hello.ClientLibrary),
            ["publisher_id"] = Json.Number(hello.PublisherId),
            ["next_number"] = Json.Number(hello.NextNumber),
            ["max_aliases"] = hello.MaxAliases,
            ["max_frame"] = hello.MaxFrame,
            ["token_hex"] = Json.Hex(hello.Token),
        });
    }

    internal static int EncodeHello(JsonObject fields, Span<byte> to) => new HelloFrame
    {
        ClientName = fields.Utf8("client_name"),
        ClientLibrary = fields.Utf8("client_library"),
        PublisherId = fields.U64("publisher_id"),
        NextNumber = fields.U64("next_number"),
        MaxAliases = fields.U32("max_aliases"),
        MaxFrame = fields.U32("max_frame"),
        Token = fields.Bytes("token_hex"),
    }.Write(to);

    internal static Decoded DecodeWelcome(ReadOnlySpan<byte> frame, ReaderLimits limits)
    {
        ErrorCode error = WelcomeFrame.TryRead(frame, out WelcomeFrame welcome);
        return new(error, new JsonObject
        {
            ["publisher_id"] = Json.Number(welcome.PublisherId),
            ["next_number"] = Json.Number(welcome.NextNumber),
            ["max_aliases"] = welcome.MaxAliases,
            ["max_frame"] = welcome.MaxFrame,
            ["max_payload"] = welcome.MaxPayload,
            ["max_subscriptions"] = welcome.MaxSubscriptions,
            ["idle_timeout_ms"] = welcome.IdleTimeoutMs,
            ["node_id_hex"] = welcome.NodeId.ToString(),
            ["node_name"] = Json.Text(welcome.NodeName),
            ["cluster"] = Json.Text(welcome.Cluster),
            ["daemon_version"] = Json.Text(welcome.DaemonVersion),
        });
    }

    internal static int EncodeWelcome(JsonObject fields, Span<byte> to) => new WelcomeFrame
    {
        PublisherId = fields.U64("publisher_id"),
        NextNumber = fields.U64("next_number"),
        MaxAliases = fields.U32("max_aliases"),
        MaxFrame = fields.U32("max_frame"),
        MaxPayload = fields.U32("max_payload"),
        MaxSubscriptions = fields.U32("max_subscriptions"),
        IdleTimeoutMs = fields.U32("idle_timeout_ms"),
        NodeId = new NodeId(fields.Bytes("node_id_hex")),
        NodeName = fields.Utf8("node_name"),
        Cluster = fields.Utf8("cluster"),
        DaemonVersion = fields.Utf8("daemon_version"),
    }.Write(to);
}
