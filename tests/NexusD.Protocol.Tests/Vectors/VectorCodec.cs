using System.Text.Json.Nodes;

namespace NexusD.Protocol.Tests.Vectors;

/// <summary>What a reader made of a frame.</summary>
internal sealed record Decoded(ErrorCode Error, JsonObject Fields);

/// <summary>How a reader is set for a record.</summary>
internal sealed record ReaderLimits(int MaxFrame, uint MaxPayload)
{
    internal static ReaderLimits Of(JsonObject record) => new(
        record["limits"]?["max_frame"]?.GetValue<int>() ?? ProtocolLimits.DefaultMaxFrameBytes,
        record["limits"]?["max_payload"]?.GetValue<uint>() ?? ProtocolLimits.DefaultMaxPayloadBytes);
}

internal delegate Decoded Decode(ReadOnlySpan<byte> frame, ReaderLimits limits);

internal delegate int Encode(JsonObject fields, Span<byte> destination);

/// <summary>Reader and writer of one kind of record.</summary>
internal sealed record VectorCodec(Decode Decode, Encode Encode);
