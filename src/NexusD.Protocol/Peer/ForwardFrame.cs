using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace NexusD.Protocol.Peer;

/// <summary>
/// FORWARD (0x8A): a run of events for the subscribers of another node, never forwarded again. Sent on lanes.
/// <code>
///  0       4    5     6       8          12      16          24       32          40
/// +-------+----+-----+-------+----------+-------+-----------+--------+-----------+----------------+---------
/// | length|0x8A|flags| props | members  | alias | publisher | number | timestamp | properties ... | member | run
/// |       |    |     |       | only, re-|       |           |        |           |                | ...    | ...
/// | u32   | u8 | u8  | u16   | directs  | u32   | u64       | u64    | u64       | props bytes    | u32    |
/// +-------+----+-----+-------+----------+-------+-----------+--------+-----------+----------------+--------+----
/// </code>
/// Members (u8), only (u8) and redirects (u16) stand with flag 0x04 alone; without it the field is ignored and no
/// member
/// is listed. Limits: members 1 to 64, each not 0; publisher not 0, number 1 to 2^63 - 1; those of properties and
/// runs; with more than one event at most 34,816
/// bytes. Source: docs/protocol/peer-v1.md "FORWARD".
/// </summary>
public readonly ref struct ForwardFrame
{
    /// <summary>Bytes before the properties.</summary>
    public const int HeaderBytes = RunLayout.HeaderBytes;

    /// <summary>Most members of groups that one frame names.</summary>
    public const int MaxMembers = 64;

    /// <summary>Bytes that each takes.</summary>
    public const int MemberBytes = sizeof(uint);

    private const int FlagsOffset = 5;
    private const byte MembersFlag = 0x04;
    private const uint OnlyBit = 0x100;

    /// <summary>Retain; unknown bits are gone.</summary>
    public RunFlags Flags { get; private init; }

    /// <summary>The run is for the members that it names and for nobody else.</summary>
    public bool MembersOnly { get; private init; }

    /// <summary>How often the run was sent on because its member was gone.</summary>
    public int Redirects { get; private init; }

    /// <summary>The members of groups that the run is for, four bytes each: see <see cref="Member"/>.</summary>
    public ReadOnlySpan<byte> Members { get; private init; }

    /// <summary>The topic's alias on the lane; 0: the topic is a property.</summary>
    public uint Alias { get; private init; }

    public ulong Publisher { get; private init; }

    /// <summary>Number of the first event.</summary>
    public ulong Number { get; private init; }

    /// <summary>Hybrid clock: upper 48 bits milliseconds since 1970-01-01 UTC, lower 16 bits a counter.</summary>
    public ulong Timestamp { get; private init; }

    /// <summary>The list of properties, not yet judged.</summary>
    public ReadOnlySpan<byte> Properties { get; private init; }

    /// <summary>The run, not yet judged.</summary>
    public ReadOnlySpan<byte> Body { get; private init; }

    /// <summary>Number of a member in a list of them; not 0.</summary>
    public static uint Member(ReadOnlySpan<byte> members, int index) =>
        LittleEndian.U32(ref MemoryMarshal.GetReference(members), index * MemberBytes);

    /// <summary>Splits a frame. Properties and body are judged by their own readers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ErrorCode TryRead(ReadOnlySpan<byte> frame, out ForwardFrame forward)
    {
        if (frame.Length >= HeaderBytes)
        {
            ref byte origin = ref MemoryMarshal.GetReference(frame);
            FrameHeader.TryRead(frame, out FrameHeader header);
            uint target = (header.Flags & MembersFlag) == 0 ? 0 : LittleEndian.U32(ref origin, RunLayout.TargetOffset);
            int members = (int)(target & 0xFF) * MemberBytes;
            int membersOffset = HeaderBytes + header.Extra;
            int bodyOffset = membersOffset + members;
            ulong publisher = LittleEndian.U64(ref origin, RunLayout.PublisherOffset);
            ulong number = LittleEndian.U64(ref origin, RunLayout.NumberOffset);
            if (bodyOffset <= frame.Length
                && RunLayout.IsIdentity(publisher, number)
                && ((header.Flags & MembersFlag) == 0 || AreMembers(frame.Slice(membersOffset, members))))
            {
                forward = new ForwardFrame
                {
                    Flags = (RunFlags)header.Flags & RunFlags.Retain,
                    MembersOnly = (target & OnlyBit) != 0,
                    Redirects = (int)(target >> 16),
                    Members = frame.Slice(membersOffset, members),
                    Alias = LittleEndian.U32(ref origin, RunLayout.AliasOffset),
                    Publisher = publisher,
                    Number = number,
                    Timestamp = LittleEndian.U64(ref origin, RunLayout.TimestampOffset),
                    Properties = frame.Slice(HeaderBytes, header.Extra),
                    Body = frame[bodyOffset..],
                };
                return ErrorCode.None;
            }
        }

        forward = default;
        return ErrorCode.Malformed;
    }

    /// <summary>The alias of a frame that nobody has judged yet.</summary>
    /// <param name="frame">At least 40 bytes.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint PeekAlias(ReadOnlySpan<byte> frame) =>
        BinaryPrimitives.ReadUInt32LittleEndian(frame[RunLayout.AliasOffset..]);

    /// <summary>Writes the fixed part; properties, members and run follow it. Returns 40.</summary>
    /// <param name="destination">At least 40 bytes.</param>
    /// <param name="frameBytes">Size of the whole frame: 40 + properties + 4 per member + run.</param>
    /// <param name="flags">Retain.</param>
    /// <param name="propertyBytes">Bytes of properties.</param>
    /// <param name="alias">The topic's alias on the lane; 0: the topic is a property.</param>
    /// <param name="publisher">Publisher id.</param>
    /// <param name="number">Number of the first event.</param>
    /// <param name="timestamp">Hybrid clock.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int WriteHeader(
        Span<byte> destination,
        int frameBytes,
        RunFlags flags,
        int propertyBytes,
        uint alias,
        ulong publisher,
        ulong number,
        ulong timestamp)
    {
        Destination.Require(destination, HeaderBytes);
        ref byte origin = ref MemoryMarshal.GetReference(destination);
        FrameHeader.Store(ref origin, frameBytes, PeerFrameKind.Forward, (byte)flags, (ushort)propertyBytes);
        LittleEndian.Put(ref origin, RunLayout.TargetOffset, 0u);
        LittleEndian.Put(ref origin, RunLayout.AliasOffset, alias);
        LittleEndian.Put(ref origin, RunLayout.PublisherOffset, publisher);
        LittleEndian.Put(ref origin, RunLayout.NumberOffset, number);
        LittleEndian.Put(ref origin, RunLayout.TimestampOffset, timestamp);
        return HeaderBytes;
    }

    /// <summary>
    /// Says in a header for which members the run is, and writes their list, which stands behind the properties.
    /// </summary>
    /// <param name="frame">The header that <see cref="WriteHeader"/> wrote, properties, room for the list.</param>
    /// <param name="propertyBytes">Bytes of properties.</param>
    /// <param name="members">1 to 64, none of them 0.</param>
    /// <param name="membersOnly">For nobody else.</param>
    /// <param name="redirects">How often it was sent on, up to 65,535.</param>
    public static void WriteMembers(
        Span<byte> frame, int propertyBytes, ReadOnlySpan<uint> members, bool membersOnly, int redirects)
    {
        Destination.Require(frame, HeaderBytes + propertyBytes + (members.Length * MemberBytes));
        ref byte origin = ref MemoryMarshal.GetReference(frame);
        uint target = (uint)members.Length | (membersOnly ? OnlyBit : 0) | ((uint)redirects << 16);
        LittleEndian.Put(ref origin, RunLayout.TargetOffset, target);
        frame[FlagsOffset] |= MembersFlag;
        for (int i = 0; i < members.Length; i++)
        {
            LittleEndian.Put(ref origin, HeaderBytes + propertyBytes + (i * MemberBytes), members[i]);
        }
    }

    private static bool AreMembers(ReadOnlySpan<byte> list)
    {
        for (int i = 0; i < list.Length / MemberBytes; i++)
        {
            if (Member(list, i) == 0)
            {
                return false;
            }
        }

        return list.Length is > 0 and <= MaxMembers * MemberBytes;
    }
}
