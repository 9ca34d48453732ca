using System.Runtime.InteropServices;

namespace NexusD.Protocol.Peer;

/// <summary>
/// RETAINED_STATE (0x85) tells count and digest of the retained store; RETAINED_END (0x88), with the same body, ends
/// the answer to a RETAINED_REQUEST. Sent on the control stream.
/// <code>
///  0       4    5     6     8        16      20
/// +-------+----+-----+-----+--------+-------+
/// | length|kind| 0   | 0   | digest | count |
/// | u32   | u8 | u8  | u16 | u64    | u32   |
/// +-------+----+-----+-----+--------+-------+
/// </code>
/// Limits: none. Source: docs/protocol/peer-v1.md "Retained repair".
/// </summary>
public readonly struct RetainedStateFrame
{
    public const int FrameBytes = 20;

    private const int DigestOffset = 8;
    private const int CountOffset = 16;

    public RetainedStateFrame(ulong digest, uint count, bool isEnd)
    {
        Digest = digest;
        Count = count;
        IsEnd = isEnd;
    }

    /// <summary>XOR of <see cref="Fnv1a64.RetainedEntry"/> over all entries, tombstones included.</summary>
    public ulong Digest { get; }

    /// <summary>Number of entries, tombstones included.</summary>
    public uint Count { get; }

    /// <summary>True for RETAINED_END.</summary>
    public bool IsEnd { get; }

    public static ErrorCode TryRead(ReadOnlySpan<byte> frame, out RetainedStateFrame state)
    {
        state = default;
        if (frame.Length < FrameBytes)
        {
            return ErrorCode.Malformed;
        }

        ref byte origin = ref MemoryMarshal.GetReference(frame);
        FrameHeader.TryRead(frame, out FrameHeader header);
        state = new RetainedStateFrame(
            LittleEndian.U64(ref origin, DigestOffset),
            LittleEndian.U32(ref origin, CountOffset),
            header.Kind == PeerFrameKind.RetainedEnd);
        return ErrorCode.None;
    }

    public int Write(Span<byte> destination)
    {
        Destination.Require(destination, FrameBytes);
        ref byte origin = ref MemoryMarshal.GetReference(destination);
        byte kind = IsEnd ? PeerFrameKind.RetainedEnd : PeerFrameKind.RetainedState;
        FrameHeader.Store(ref origin, FrameBytes, kind, 0, 0);
        LittleEndian.Put(ref origin, DigestOffset, Digest);
        LittleEndian.Put(ref origin, CountOffset, Count);
        return FrameBytes;
    }
}
