using System.Runtime.InteropServices;
using NexusD.Protocol.App;

namespace NexusD.Protocol;

/// <summary>
/// Appends properties to a span. Throws <see cref="ArgumentException"/> when the room or the u16 length does not do:
/// the caller has sized the span with <see cref="Size"/>. Layout: see <see cref="PropertyReader"/>.
/// </summary>
public ref struct PropertyWriter
{
    private readonly Span<byte> _destination;

    /// <summary>Writes from the start of <paramref name="destination"/>.</summary>
    public PropertyWriter(Span<byte> destination) => _destination = destination;

    /// <summary>Bytes written so far.</summary>
    public int Written { get; private set; }

    /// <summary>Bytes of a property with a value of that many bytes.</summary>
    public static int Size(int valueBytes) => PropertyReader.HeaderBytes + valueBytes;

    /// <summary>
    /// Bytes of a property, or 0 for an empty value, which <see cref="WriteUnlessEmpty"/> leaves out.
    /// </summary>
    public static int SizeUnlessEmpty(int valueBytes) => valueBytes == 0 ? 0 : Size(valueBytes);

    public void Write(byte id, ReadOnlySpan<byte> value) => value.CopyTo(Reserve(id, value.Length));

    /// <summary>Leaves the property out when the value is empty.</summary>
    public void WriteUnlessEmpty(byte id, ReadOnlySpan<byte> value)
    {
        if (!value.IsEmpty)
        {
            Write(id, value);
        }
    }

    public void Write(byte id, byte number) => Reserve(id, sizeof(byte))[0] = number;

    public void Write(byte id, ushort number) =>
        LittleEndian.Put(ref MemoryMarshal.GetReference(Reserve(id, sizeof(ushort))), 0, number);

    public void Write(byte id, uint number) =>
        LittleEndian.Put(ref MemoryMarshal.GetReference(Reserve(id, sizeof(uint))), 0, number);

    public void Write(byte id, ulong number) =>
        LittleEndian.Put(ref MemoryMarshal.GetReference(Reserve(id, sizeof(ulong))), 0, number);

    public void Write(byte id, StreamPosition position) => position.Write(Reserve(id, StreamPosition.Size));

    public void Write(byte id, NodeId node) => node.CopyTo(Reserve(id, NodeId.Size));

    /// <summary>An event header (property 0x04): u8 key length, key, value.</summary>
    /// <param name="key">UTF-8, 1 to 255 bytes.</param>
    /// <param name="value">Any bytes.</param>
    public void WriteEventHeader(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        if (key.IsEmpty || key.Length > ProtocolLimits.MaxShortTextBytes)
        {
            throw new ArgumentException("A header key has 1 to 255 bytes.", nameof(key));
        }

        Span<byte> room = Reserve(PropertyId.Header, 1 + key.Length + value.Length);
        room[0] = (byte)key.Length;
        key.CopyTo(room[1..]);
        value.CopyTo(room[(1 + key.Length)..]);
    }

    /// <summary>Writes id and length and gives out the room for the value.</summary>
    public Span<byte> Reserve(byte id, int valueBytes)
    {
        if ((uint)valueBytes > ushort.MaxValue)
        {
            throw new ArgumentException("A property value has at most 65,535 bytes.", nameof(valueBytes));
        }

        int size = Size(valueBytes);
        Destination.Require(_destination[Written..], size);
        Span<byte> room = _destination.Slice(Written, size);
        room[0] = id;
        LittleEndian.Put(ref MemoryMarshal.GetReference(room), 1, (ushort)valueBytes);
        Written += size;
        return room[PropertyReader.HeaderBytes..];
    }
}
