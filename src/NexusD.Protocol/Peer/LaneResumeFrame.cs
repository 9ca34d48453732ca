using System.Runtime.InteropServices;

namespace NexusD.Protocol.Peer;

/// <summary>
/// LANE_RESUME (0x8C): where lanes go on after a link was replaced. Each side sends it once, behind its HELLO.
/// <code>
///  0       4    5     6     8       16      24
/// +-------+----+-----+-----+-------+-------+---------------------------
/// | length|0x8C| 0   | 0   | own   | yours | { lane u32, bytes u64 } ...
/// | u32   | u8 | u8  | u16 | u64   | u64   | 0 to 12, ascending
/// +-------+----+-----+-----+-------+-------+---------------------------
/// </code>
/// Limits: own is not 0; without yours there are no counts. Source: docs/protocol/peer-v1.md "LANE_RESUME".
/// </summary>
public readonly struct LaneResumeFrame
{
    private const int HeaderBytes = 24;
    private const int OwnOffset = 8;
    private const int YoursOffset = 16;

    /// <summary>Which run of lanes the sender's own are; another number says that they start anew.</summary>
    public ulong Own { get; init; }

    /// <summary>The run of the receiver's lanes that the counts are of; 0: nothing is known of any.</summary>
    public ulong Yours { get; init; }

    /// <summary>Bytes that the sender has routed of each of the receiver's lanes.</summary>
    public LaneCounts Counts { get; init; }

    public int FrameBytes => HeaderBytes + (Counts.Count * LaneCounts.EntryBytes);

    public static ErrorCode TryRead(ReadOnlySpan<byte> frame, out LaneResumeFrame resume)
    {
        resume = default;
        if (frame.Length < HeaderBytes
            || LaneCounts.TryRead(frame[HeaderBytes..], out LaneCounts counts) != ErrorCode.None)
        {
            return ErrorCode.Malformed;
        }

        ref byte origin = ref MemoryMarshal.GetReference(frame);
        resume = new LaneResumeFrame
        {
            Own = LittleEndian.U64(ref origin, OwnOffset),
            Yours = LittleEndian.U64(ref origin, YoursOffset),
            Counts = counts,
        };
        return resume.Own != 0 && (resume.Yours != 0 || counts.Count == 0) ? ErrorCode.None : ErrorCode.Malformed;
    }

    public int Write(Span<byte> destination)
    {
        Destination.Require(destination, FrameBytes);
        FrameHeader.Write(destination, FrameBytes, PeerFrameKind.LaneResume);
        ref byte origin = ref MemoryMarshal.GetReference(destination);
        LittleEndian.Put(ref origin, OwnOffset, Own);
        LittleEndian.Put(ref origin, YoursOffset, Yours);
        Counts.Write(destination[HeaderBytes..]);
        return FrameBytes;
    }
}
