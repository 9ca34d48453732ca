using System.Buffers.Binary;

namespace NexusD.Protocol.App;

/// <summary>
/// How far a kept subscription was received: frames since it was opened first, over all its connections. Property 0x46,
/// 16 bytes: u64 DELIVER frames, u64 GAP frames. Source: docs/protocol/app-v1.md "Keeping".
/// </summary>
/// <param name="Runs">DELIVER frames.</param>
/// <param name="Gaps">GAP frames.</param>
public readonly record struct StreamPosition(ulong Runs, ulong Gaps)
{
    /// <summary>Bytes of the property's value.</summary>
    public const int Size = 2 * sizeof(ulong);

    /// <summary>Reads a property value; false when its size is another one.</summary>
    public static bool TryRead(ReadOnlySpan<byte> value, out StreamPosition position)
    {
        bool fits = value.Length == Size;
        position = fits
            ? new StreamPosition(
                BinaryPrimitives.ReadUInt64LittleEndian(value),
                BinaryPrimitives.ReadUInt64LittleEndian(value[sizeof(ulong)..]))
            : default;
        return fits;
    }

    /// <summary>Writes a property value, 16 bytes.</summary>
    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(destination, Runs);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[sizeof(ulong)..], Gaps);
    }
}
