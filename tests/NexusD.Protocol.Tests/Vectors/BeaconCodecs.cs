using System.Text.Json.Nodes;
using NexusD.Protocol.Beacon;

namespace NexusD.Protocol.Tests.Vectors;

/// <summary>The one kind of record in beacon.json.</summary>
internal static class BeaconCodecs
{
    internal static Dictionary<string, VectorCodec> All { get; } = new() { ["beacon"] = new(Decode, Encode) };

    private static Decoded Decode(ReadOnlySpan<byte> datagram, ReaderLimits limits)
    {
        ErrorCode error = BeaconDatagram.TryRead(datagram, out BeaconDatagram beacon);
        return new(error, new JsonObject
        {
            ["kind"] = Json.Lower(beacon.Kind),
            ["port"] = beacon.Port,
            ["node_id_hex"] = beacon.NodeId.ToString(),
            ["generation"] = beacon.Generation,
            ["cluster"] = Json.Text(beacon.Cluster),
            ["node_name"] = Json.Text(beacon.NodeName),
            ["authenticator_hex"] = Json.Hex(beacon.Authenticator),
        });
    }

    private static int Encode(JsonObject fields, Span<byte> to)
    {
        int size = new BeaconDatagram
        {
            Kind = Json.Parse<BeaconKind>(fields.Name("kind")),
            Port = (ushort)fields.U32("port"),
            NodeId = new NodeId(fields.Bytes("node_id_hex")),
            Generation = fields.U32("generation"),
            Cluster = fields.Utf8("cluster"),
            NodeName = fields.Utf8("node_name"),
        }.Write(to);
        byte[] authenticator = fields.Bytes("authenticator_hex");
        return authenticator.Length == 0 ? size : BeaconDatagram.AppendAuthenticator(to, size, authenticator);
    }
}
