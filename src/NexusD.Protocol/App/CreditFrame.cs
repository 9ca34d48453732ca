using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace NexusD.Protocol.App;

/// <summary>
/// CREDIT (0x06): lets more bytes of one subscription come. Sent by the client.
/// <code>
///  0       4    5    6     8        12
/// +-------+----+----+-----+--------+-------+
/// | length|0x06| 0  | 0   | subscr.| bytes |
/// | u32   | u8 | u8 | u16 | u32    | u32   |
/// +-------+----+----+-----+--------+-------+
/// </code>
/// Limits: the sum is capped at 2^40 by the daemon. Source: docs/protocol/app-v1.md "CREDIT".
/// </summary>
public readonly struct CreditFrame
{
    public const int FrameBytes = 16;

    private const int SubscriptionOffset = 8;
    private const int BytesOffset = 12;

    public CreditFrame(uint subscription, uint bytes)
    {
        Subscription = subscription;
        Bytes = bytes;
    }

    public uint Subscription { get; }

    /// <summary>Bytes of DELIVER frames to add.</summary>
    public uint Bytes { get; }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ErrorCode TryRead(ReadOnlySpan<byte> frame, out CreditFrame credit)
    {
        if (frame.Length < FrameBytes)
        {
            credit = default;
            return ErrorCode.Malformed;
        }

        ref byte origin = ref MemoryMarshal.GetReference(frame);
        credit = new CreditFrame(
            LittleEndian.U32(ref origin, SubscriptionOffset), LittleEndian.U32(ref origin, BytesOffset));
        return ErrorCode.None;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int Write(Span<byte> destination)
    {
        Destination.Require(destination, FrameBytes);
        ref byte origin = ref MemoryMarshal.GetReference(destination);
        FrameHeader.Store(ref origin, FrameBytes, FrameKind.Credit, 0, 0);
        LittleEndian.Put(ref origin, SubscriptionOffset, Subscription);
        LittleEndian.Put(ref origin, BytesOffset, Bytes);
        return FrameBytes;
    }
}
