using System.Buffers.Binary;
using System.Security.Cryptography;

namespace NexusD.Routing;

/// <summary>
/// Hash of topic bytes for the tables of this module. Keyed with random bits of the process: topics come from outside,
/// and nobody shall be able to choose names that all fall into one slot.
/// </summary>
internal static class LevelHash
{
    private static readonly ulong _key = BinaryPrimitives.ReadUInt64LittleEndian(RandomNumberGenerator.GetBytes(8));

    public static uint Compute(ReadOnlySpan<byte> bytes)
    {
        ulong hash = _key ^ ((ulong)bytes.Length * 0x9E3779B97F4A7C15);
        while (bytes.Length > 8)
        {
            hash = Mix(hash ^ BinaryPrimitives.ReadUInt64LittleEndian(bytes));
            bytes = bytes[8..];
        }

        hash = Mix(hash ^ Tail(bytes));
        return (uint)(hash ^ (hash >> 32));
    }

    private static ulong Tail(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length == 8)
        {
            return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        }

        if (bytes.Length >= 4)
        {
            return BinaryPrimitives.ReadUInt32LittleEndian(bytes)
                | ((ulong)BinaryPrimitives.ReadUInt32LittleEndian(bytes[^4..]) << 32);
        }

        ulong tail = 0;
        foreach (byte b in bytes)
        {
            tail = (tail << 8) | b;
        }

        return tail;
    }

    private static ulong Mix(ulong value)
    {
        ulong high = Math.BigMul(value, 0xD6E8FEB86659FD93 ^ _key, out ulong low);
        return high ^ low ^ _key;
    }
}
