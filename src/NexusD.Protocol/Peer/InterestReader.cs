using System.Runtime.InteropServices;

namespace NexusD.Protocol.Peer;

/// <summary>
/// Walks and writes the entries of INTEREST: repeated (op u8, length u16, filter) to the end of the frame. Source:
/// docs/protocol/peer-v1.md "INTEREST".
/// </summary>
public ref struct InterestReader
{
    private const int EntryHeaderBytes = 3;

    private ReadOnlySpan<byte> _rest;

    /// <summary>Starts at the first entry.</summary>
    public InterestReader(ReadOnlySpan<byte> entries) => _rest = entries;

    /// <summary>
    /// True when the list did not end with an entry or has an unknown op; meaningful after the last TryRead.
    /// </summary>
    public readonly bool Malformed => !_rest.IsEmpty;

    /// <summary>Bytes that an entry takes.</summary>
    public static int Size(int filterBytes) => EntryHeaderBytes + filterBytes;

    /// <summary>Appends an entry; returns the bytes written.</summary>
    public static int Write(Span<byte> destination, InterestChange change, ReadOnlySpan<byte> filter)
    {
        if (filter.Length > ProtocolLimits.MaxTopicBytes)
        {
            throw new ArgumentException("A filter has at most 1,024 bytes.", nameof(filter));
        }

        Destination.Require(destination, Size(filter.Length));
        destination[0] = (byte)change;
        LittleEndian.Put(ref MemoryMarshal.GetReference(destination), 1, (ushort)filter.Length);
        filter.CopyTo(destination[EntryHeaderBytes..]);
        return Size(filter.Length);
    }

    /// <summary>The next entry, its filter as it came; false at the end and at an error.</summary>
    public bool TryRead(out InterestChange change, out ReadOnlySpan<byte> filter)
    {
        change = default;
        filter = default;
        if (_rest.Length < EntryHeaderBytes
            || (InterestChange)_rest[0] is not (InterestChange.Add or InterestChange.Remove))
        {
            return false;
        }

        int end = EntryHeaderBytes + LittleEndian.U16(ref MemoryMarshal.GetReference(_rest), 1);
        if (end > _rest.Length)
        {
            return false;
        }

        change = (InterestChange)_rest[0];
        filter = _rest[EntryHeaderBytes..end];
        _rest = _rest[end..];
        return true;
    }
}
