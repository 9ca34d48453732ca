using System.Runtime.InteropServices;

namespace NexusD.Protocol.App;

/// <summary>
/// PING (0x07) asks for a PONG (0x08), which returns the same body. Sent by both sides of the app protocol.
/// <code>
///  0       4    5    6     8        16
/// +-------+----+----+-----+--------+
/// | length|kind| 0  | 0   | opaque |
/// | u32   | u8 | u8 | u16 | u64    |
/// +-------+----+----+-----+--------+
/// </code>
/// Limits: none. Source: docs/protocol/app-v1.md "PING, PONG".
/// </summary>
public readonly struct PingFrame
{
    public const int FrameBytes = 16;

    private const int OpaqueOffset = 8;

    public PingFrame(ulong opaque, bool isPong)
    {
        Opaque = opaque;
        IsPong = isPong;
    }

    /// <summary>The asker's choice, returned unchanged.</summary>
    public ulong Opaque { get; }

    /// <summary>True for the answer.</summary>
    public bool IsPong { get; }

    public static ErrorCode TryRead(ReadOnlySpan<byte> frame, out PingFrame ping)
    {
        ping = default;
        if (frame.Length < FrameBytes)
        {
            return ErrorCode.Malformed;
        }

        FrameHeader.TryRead(frame, out FrameHeader header);
        ulong opaque = LittleEndian.U64(ref MemoryMarshal.GetReference(frame), OpaqueOffset);
        ping = new PingFrame(opaque, header.Kind == FrameKind.Pong);
        return ErrorCode.None;
    }

    public int Write(Span<byte> destination)
    {
        Destination.Require(destination, FrameBytes);
        ref byte origin = ref MemoryMarshal.GetReference(destination);
        FrameHeader.Store(ref origin, FrameBytes, IsPong ? FrameKind.Pong : FrameKind.Ping, 0, 0);
        LittleEndian.Put(ref origin, OpaqueOffset, Opaque);
        return FrameBytes;
    }
}
