using System.Runtime.InteropServices;

namespace NexusD.Protocol.App;

/// <summary>
/// PAUSE (0x0B): a kept subscription waits for a time, or goes on. Sent by the client.
/// <code>
///  0       4    5    6     8        12
/// +-------+----+----+-----+--------+--------------+
/// | length|0x0B| 0  | 0   | subscr.| milliseconds |
/// | u32   | u8 | u8 | u16 | u32    | u32          |
/// +-------+----+----+-----+--------+--------------+
/// </code>
/// Limits: none. Source: docs/protocol/app-v1.md "PAUSE, PAUSED".
/// </summary>
public readonly struct PauseFrame
{
    public const int FrameBytes = 16;

    private const int SubscriptionOffset = 8;
    private const int TimeOffset = 12;

    public PauseFrame(uint subscription, uint milliseconds)
    {
        Subscription = subscription;
        Milliseconds = milliseconds;
    }

    public uint Subscription { get; }

    /// <summary>How long it waits at most; 0: it goes on.</summary>
    public uint Milliseconds { get; }

    public static ErrorCode TryRead(ReadOnlySpan<byte> frame, out PauseFrame pause)
    {
        pause = default;
        if (frame.Length < FrameBytes)
        {
            return ErrorCode.Malformed;
        }

        ref byte origin = ref MemoryMarshal.GetReference(frame);
        pause = new PauseFrame(
            LittleEndian.U32(ref origin, SubscriptionOffset), LittleEndian.U32(ref origin, TimeOffset));
        return ErrorCode.None;
    }

    public int Write(Span<byte> destination)
    {
        Destination.Require(destination, FrameBytes);
        ref byte origin = ref MemoryMarshal.GetReference(destination);
        FrameHeader.Store(ref origin, FrameBytes, FrameKind.Pause, 0, 0);
        LittleEndian.Put(ref origin, SubscriptionOffset, Subscription);
        LittleEndian.Put(ref origin, TimeOffset, Milliseconds);
        return FrameBytes;
    }
}
