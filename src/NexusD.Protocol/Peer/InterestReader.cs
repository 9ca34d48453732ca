using System.Runtime.InteropServices;

namespace NexusD.Protocol.Peer;

/// <summary>
/// Walks and writes the entries of INTEREST: repeated (op u8, length u16, filter) to the end of the frame; for ops 3
/// and
/// 4 the filter is that of a group, and (member u32, strategy u8) follow it. Source: docs/protocol/peer-v1.md
/// "INTEREST".
/// </summary>
public ref struct InterestReader
{
    private const int EntryHeaderBytes = 3;
    private const int MemberBytes = 5;

    private ReadOnlySpan<byte> _rest;

    /// <summary>Starts at the first entry.</summary>
    public InterestReader(ReadOnlySpan<byte> entries) => _rest = entries;

    /// <summary>
    /// True when the list did not end with an entry or has an unknown op, member 0 or an unknown strategy; meaningful
    /// after the last TryRead.
    /// </summary>
    public readonly bool Malformed => !_rest.IsEmpty;

    /// <summary>Bytes that an entry takes.</summary>
    public static int Size(InterestChange change, int filterBytes) =>
        EntryHeaderBytes + filterBytes + (IsOfMember(change) ? MemberBytes : 0);

    /// <summary>Whether a change is about a member of a group.</summary>
    public static bool IsOfMember(InterestChange change) => change is InterestChange.Join or InterestChange.Leave;

    /// <summary>Appends an entry; returns the bytes written.</summary>
    /// <param name="destination">Room for it.</param>
    /// <param name="change">What happened.</param>
    /// <param name="filter">Canonical text; that of the group for <see cref="IsOfMember"/>.</param>
    /// <param name="member">Number of the member, not 0, where it is about one.</param>
    /// <param name="strategy">What that member asks for.</param>
    public static int Write(
        Span<byte> destination,
        InterestChange change,
        ReadOnlySpan<byte> filter,
        uint member = 0,
        GroupStrategy strategy = GroupStrategy.Sticky)
    {
        if (filter.Length > ProtocolLimits.MaxTopicBytes)
        {
            throw new ArgumentException("A filter has at most 1,024 bytes.", nameof(filter));
        }

        int size = Size(change, filter.Length);
        Destination.Require(destination, size);
        ref byte origin = ref MemoryMarshal.GetReference(destination);
        destination[0] = (byte)change;
        LittleEndian.Put(ref origin, 1, (ushort)filter.Length);
        filter.CopyTo(destination[EntryHeaderBytes..]);
        if (IsOfMember(change))
        {
            LittleEndian.Put(ref origin, EntryHeaderBytes + filter.Length, member);
            destination[size - 1] = (byte)strategy;
        }

        return size;
    }

    /// <summary>
    /// The next entry, its filter as it came; false at the end and at an error. <paramref name="member"/> is 0 where
    /// the entry is about no member.
    /// </summary>
    public bool TryRead(
        out InterestChange change, out ReadOnlySpan<byte> filter, out uint member, out GroupStrategy strategy)
    {
        change = default;
        filter = default;
        member = 0;
        strategy = GroupStrategy.Sticky;
        if (_rest.Length < EntryHeaderBytes
            || (InterestChange)_rest[0] is not (>= InterestChange.Add and <= InterestChange.Leave))
        {
            return false;
        }

        ref byte origin = ref MemoryMarshal.GetReference(_rest);
        int filterEnd = EntryHeaderBytes + LittleEndian.U16(ref origin, 1);
        int end = Size((InterestChange)_rest[0], filterEnd - EntryHeaderBytes);
        if (end > _rest.Length)
        {
            return false;
        }

        if (end > filterEnd)
        {
            uint told = LittleEndian.U32(ref origin, filterEnd);
            if (told == 0 || _rest[end - 1] > (byte)GroupStrategy.LocalFirst)
            {
                return false;
            }

            member = told;
            strategy = (GroupStrategy)_rest[end - 1];
        }

        change = (InterestChange)_rest[0];
        filter = _rest[EntryHeaderBytes..filterEnd];
        _rest = _rest[end..];
        return true;
    }
}
