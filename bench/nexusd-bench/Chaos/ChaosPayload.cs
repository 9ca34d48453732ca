using System.Buffers.Binary;
using NexusD.Protocol;

namespace NexusdBench.Chaos;

/// <summary>
/// A payload that says whose event it is and that it is whole: magic u32, publisher u32, number u64, FNV-1a u64 over
/// all else; then a filling that follows from the number.
/// </summary>
internal static class ChaosPayload
{
    internal const int LeastBytes = 24;

    private const uint Magic = 0x484B584E;

    internal static void Write(Span<byte> payload, int publisher, long number)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(payload, Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(payload[4..], (uint)publisher);
        BinaryPrimitives.WriteInt64LittleEndian(payload[8..], number);
        payload[LeastBytes..].Fill((byte)(number * 31));
        BinaryPrimitives.WriteUInt64LittleEndian(payload[16..], Sum(payload));
    }

    /// <returns>False: it is not a payload of this kind, or was changed.</returns>
    internal static bool TryRead(ReadOnlySpan<byte> payload, out int publisher, out long number)
    {
        (publisher, number) = (-1, 0);
        if (payload.Length < LeastBytes || BinaryPrimitives.ReadUInt32LittleEndian(payload) != Magic)
        {
            return false;
        }

        publisher = BinaryPrimitives.ReadInt32LittleEndian(payload[4..]);
        number = BinaryPrimitives.ReadInt64LittleEndian(payload[8..]);
        return BinaryPrimitives.ReadUInt64LittleEndian(payload[16..]) == Sum(payload);
    }

    private static ulong Sum(ReadOnlySpan<byte> payload)
    {
        var sum = Fnv1a64.Add(Fnv1a64.Offset, payload[..16]);
        return Fnv1a64.Add(sum, payload[LeastBytes..]);
    }
}
