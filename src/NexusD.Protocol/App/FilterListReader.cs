using System.Runtime.InteropServices;

namespace NexusD.Protocol.App;

/// <summary>
/// Walks and writes the filters of a SUBSCRIBE: repeated (u16 length, filter text) to the end of the frame. Source:
/// docs/protocol/app-v1.md "SUBSCRIBE".
/// </summary>
public ref struct FilterListReader
{
    private const int LengthBytes = 2;

    private ReadOnlySpan<byte> _rest;

    /// <summary>Starts at the first filter.</summary>
    public FilterListReader(ReadOnlySpan<byte> filters) => _rest = filters;

    /// <summary>Filters in the list, or -1 when one runs past its end.</summary>
    public static int Count(ReadOnlySpan<byte> filters)
    {
        FilterListReader reader = new(filters);
        int count = 0;
        while (reader.TryRead(out _))
        {
            count++;
        }

        return reader._rest.IsEmpty ? count : -1;
    }

    /// <summary>Bytes that a filter takes in the list.</summary>
    public static int Size(int filterBytes) => LengthBytes + filterBytes;

    /// <summary>Appends a filter; returns the bytes written.</summary>
    public static int Write(Span<byte> destination, ReadOnlySpan<byte> filter)
    {
        if (filter.Length > ProtocolLimits.MaxTopicBytes)
        {
            throw new ArgumentException("A filter has at most 1,024 bytes.", nameof(filter));
        }

        Destination.Require(destination, Size(filter.Length));
        LittleEndian.Put(ref MemoryMarshal.GetReference(destination), 0, (ushort)filter.Length);
        filter.CopyTo(destination[LengthBytes..]);
        return Size(filter.Length);
    }

    /// <summary>The next filter as it came; false at the end.</summary>
    public bool TryRead(out ReadOnlySpan<byte> filter)
    {
        filter = default;
        if (_rest.Length < LengthBytes)
        {
            return false;
        }

        int end = LengthBytes + LittleEndian.U16(ref MemoryMarshal.GetReference(_rest), 0);
        if (end > _rest.Length)
        {
            return false;
        }

        filter = _rest[LengthBytes..end];
        _rest = _rest[end..];
        return true;
    }
}
