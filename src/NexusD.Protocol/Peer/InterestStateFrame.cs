using System.Runtime.InteropServices;

namespace NexusD.Protocol.Peer;

/// <summary>
/// INTEREST_STATE (0x83): version and digest of what was told. Sent on the control stream.
/// <code>
///  0       4    5     6     8         16       24      28
/// +-------+----+-----+-----+---------+--------+-------+
/// | length|0x83| 0   | 0   | version | digest | count |
/// | u32   | u8 | u8  | u16 | u64     | u64    | u32   |
/// +-------+----+-----+-----+---------+--------+-------+
/// </code>
/// Limits: none. Source: docs/protocol/peer-v1.md "INTEREST".
/// </summary>
public readonly struct InterestStateFrame
{
    public const int FrameBytes = 28;

    private const int VersionOffset = 8;
    private const int DigestOffset = 16;
    private const int CountOffset = 24;

    public InterestStateFrame(ulong version, ulong digest, uint count)
    {
        Version = version;
        Digest = digest;
        Count = count;
    }

    /// <summary>Version of the last INTEREST sent.</summary>
    public ulong Version { get; }

    /// <summary>XOR of <see cref="Topics.TopicFilter.Hash"/> over all filters.</summary>
    public ulong Digest { get; }

    /// <summary>Number of filters.</summary>
    public uint Count { get; }

    public static ErrorCode TryRead(ReadOnlySpan<byte> frame, out InterestStateFrame state)
    {
        state = default;
        if (frame.Length < FrameBytes)
        {
            return ErrorCode.Malformed;
        }

        ref byte origin = ref MemoryMarshal.GetReference(frame);
        state = new InterestStateFrame(
            LittleEndian.U64(ref origin, VersionOffset),
            LittleEndian.U64(ref origin, DigestOffset),
            LittleEndian.U32(ref origin, CountOffset));
        return ErrorCode.None;
    }

    public int Write(Span<byte> destination)
    {
        Destination.Require(destination, FrameBytes);
        ref byte origin = ref MemoryMarshal.GetReference(destination);
        FrameHeader.Store(ref origin, FrameBytes, PeerFrameKind.InterestState, 0, 0);
        LittleEndian.Put(ref origin, VersionOffset, Version);
        LittleEndian.Put(ref origin, DigestOffset, Digest);
        LittleEndian.Put(ref origin, CountOffset, Count);
        return FrameBytes;
    }
}
