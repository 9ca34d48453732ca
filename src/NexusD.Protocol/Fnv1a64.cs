using System.Runtime.InteropServices;

namespace NexusD.Protocol;

/// <summary>
/// The 64-bit FNV-1a hash (parameters of RFC 9923), used in the digests of docs/protocol/peer-v1.md. Start from
/// <see cref="Offset"/> and add parts in their order.
/// </summary>
public static class Fnv1a64
{
    /// <summary>The hash of nothing.</summary>
    public const ulong Offset = 0xCBF29CE484222325;

    private const ulong Prime = 0x100000001B3;

    /// <summary>Hash of the bytes alone.</summary>
    public static ulong Hash(ReadOnlySpan<byte> bytes) => Add(Offset, bytes);

    /// <summary>Goes on with more bytes.</summary>
    public static ulong Add(ulong hash, ReadOnlySpan<byte> bytes)
    {
        foreach (byte value in bytes)
        {
            hash = (hash ^ value) * Prime;
        }

        return hash;
    }

    /// <summary>Goes on with a number as eight little-endian bytes.</summary>
    public static ulong Add(ulong hash, ulong number)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        LittleEndian.Put(ref MemoryMarshal.GetReference(bytes), 0, number);
        return Add(hash, bytes);
    }

    /// <summary>
    /// What one retained event or tombstone adds (by XOR) to the digest of RETAINED_STATE: the hash of topic bytes,
    /// timestamp, publisher and number.
    /// </summary>
    public static ulong RetainedEntry(ReadOnlySpan<byte> topic, ulong timestamp, ulong publisher, ulong number) =>
        RetainedVersion(Hash(topic), timestamp, publisher, number);

    /// <summary>The same, from the hash of the topic bytes.</summary>
    public static ulong RetainedVersion(ulong topicHash, ulong timestamp, ulong publisher, ulong number) =>
        Add(Add(Add(topicHash, timestamp), publisher), number);
}
