using System.Runtime.InteropServices;

namespace NexusD.Protocol.App;

/// <summary>
/// UNSUBSCRIBE (0x05): closes a subscription. Sent by the client.
/// <code>
///  0       4    5    6     8        12
/// +-------+----+----+-----+--------+
/// | length|0x05| 0  | 0   | subscr.|
/// | u32   | u8 | u8 | u16 | u32    |
/// +-------+----+----+-----+--------+
/// </code>
/// Limits: none. Source: docs/protocol/app-v1.md "SUBSCRIBED, UNSUBSCRIBE, UNSUBSCRIBED".
/// </summary>
public readonly struct UnsubscribeFrame
{
    public const int FrameBytes = 12;

    private const int SubscriptionOffset = 8;

    public UnsubscribeFrame(uint subscription) => Subscription = subscription;

    public uint Subscription { get; }

    public static ErrorCode TryRead(ReadOnlySpan<byte> frame, out UnsubscribeFrame unsubscribe)
    {
        unsubscribe = default;
        if (frame.Length < FrameBytes)
        {
            return ErrorCode.Malformed;
        }

        unsubscribe = new UnsubscribeFrame(LittleEndian.U32(ref MemoryMarshal.GetReference(frame), SubscriptionOffset));
        return ErrorCode.None;
    }

    public int Write(Span<byte> destination)
    {
        Destination.Require(destination, FrameBytes);
        ref byte origin = ref MemoryMarshal.GetReference(destination);
        FrameHeader.Store(ref origin, FrameBytes, FrameKind.Unsubscribe, 0, 0);
        LittleEndian.Put(ref origin, SubscriptionOffset, Subscription);
        return FrameBytes;
    }
}
