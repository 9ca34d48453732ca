using System.Runtime.InteropServices;

namespace NexusD.Protocol.Peer;

/// <summary>
/// PING (0x07) asks for a PONG (0x08): liveness, round trip and clock. Sent on the control stream.
/// <code>
///  0       4    5     6     8        16          24
/// +-------+----+-----+-----+--------+-----------+
/// | length|kind| 0   | 0   | opaque | timestamp |
/// | u32   | u8 | u8  | u16 | u64    | u64       |
/// +-------+----+-----+-----+--------+-----------+
/// </code>
/// Limits: none. Source: docs/protocol/peer-v1.md "PING, PONG".
/// </summary>
public readonly struct PeerPingFrame
{
    public const int FrameBytes = 24;

    private const int OpaqueOffset = 8;
    private const int TimestampOffset = 16;

    public PeerPingFrame(ulong opaque, ulong timestamp, bool isPong)
    {
        Opaque = opaque;
        Timestamp = timestamp;
        IsPong = isPong;
    }

    /// <summary>The asker's choice (monotonic nanoseconds), returned unchanged by PONG.</summary>
    public ulong Opaque { get; }

    /// <summary>Hybrid clock of the frame's sender.</summary>
    public ulong Timestamp { get; }

    /// <summary>True for the answer.</summary>
    public bool IsPong { get; }

    public static ErrorCode TryRead(ReadOnlySpan<byte> frame, out PeerPingFrame ping)
    {
        ping = default;
        if (frame.Length < FrameBytes)
        {
            return ErrorCode.Malformed;
        }

        ref byte origin = ref MemoryMarshal.GetReference(frame);
        FrameHeader.TryRead(frame, out FrameHeader header);
        ping = new PeerPingFrame(
            LittleEndian.U64(ref origin, OpaqueOffset),
            LittleEndian.U64(ref origin, TimestampOffset),
            header.Kind == PeerFrameKind.Pong);
        return ErrorCode.None;
    }

    public int Write(Span<byte> destination)
    {
        Destination.Require(destination, FrameBytes);
        ref byte origin = ref MemoryMarshal.GetReference(destination);
        FrameHeader.Store(ref origin, FrameBytes, IsPong ? PeerFrameKind.Pong : PeerFrameKind.Ping, 0, 0);
        LittleEndian.Put(ref origin, OpaqueOffset, Opaque);
        LittleEndian.Put(ref origin, TimestampOffset, Timestamp);
        return FrameBytes;
    }
}
