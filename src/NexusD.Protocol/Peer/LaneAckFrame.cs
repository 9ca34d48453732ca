namespace NexusD.Protocol.Peer;

/// <summary>
/// LANE_ACK (0x8B): how much of its lanes the receiver has routed. Sent on the control stream, cumulative.
/// <code>
///  0       4    5     6     8
/// +-------+----+-----+-----+---------------------------
/// | length|0x8B| 0   | 0   | { lane u32, bytes u64 } ...
/// | u32   | u8 | u8  | u16 | 1 to 12, ascending
/// +-------+----+-----+-----+---------------------------
/// </code>
/// Source: docs/protocol/peer-v1.md "LANE_ACK".
/// </summary>
public readonly struct LaneAckFrame
{
    public LaneAckFrame(in LaneCounts counts) => Counts = counts;

    /// <summary>Bytes routed of each lane that has moved.</summary>
    public LaneCounts Counts { get; }

    public int FrameBytes => FrameHeader.Size + (Counts.Count * LaneCounts.EntryBytes);

    public static ErrorCode TryRead(ReadOnlySpan<byte> frame, out LaneAckFrame ack)
    {
        ack = default;
        if (frame.Length <= FrameHeader.Size
            || LaneCounts.TryRead(frame[FrameHeader.Size..], out LaneCounts counts) != ErrorCode.None)
        {
            return ErrorCode.Malformed;
        }

        ack = new LaneAckFrame(counts);
        return ErrorCode.None;
    }

    public int Write(Span<byte> destination)
    {
        Destination.Require(destination, FrameBytes);
        FrameHeader.Write(destination, FrameBytes, PeerFrameKind.LaneAck);
        Counts.Write(destination[FrameHeader.Size..]);
        return FrameBytes;
    }
}
