using System.Buffers.Binary;

namespace NexusD.Protocol;

/// <summary>Values of a fixed size; false when the size is another one.</summary>
public static class PropertyValue
{
    public static bool TryRead(ReadOnlySpan<byte> value, out ushort number)
    {
        bool fits = value.Length == sizeof(ushort);
        number = fits ? BinaryPrimitives.ReadUInt16LittleEndian(value) : (ushort)0;
        return fits;
    }

    public static bool TryRead(ReadOnlySpan<byte> value, out uint number)
    {
        bool fits = value.Length == sizeof(uint);
        number = fits ? BinaryPrimitives.ReadUInt32LittleEndian(value) : 0;
        return fits;
    }

    public static bool TryRead(ReadOnlySpan<byte> value, out ulong number)
    {
        bool fits = value.Length == sizeof(ulong);
        number = fits ? BinaryPrimitives.ReadUInt64LittleEndian(value) : 0;
        return fits;
    }

    /// <summary>A node id: 16 bytes, not all zero.</summary>
    public static bool TryRead(ReadOnlySpan<byte> value, out NodeId id)
    {
        id = value.Length == NodeId.Size ? new NodeId(value) : default;
        return !id.IsEmpty;
    }
}
