using System.Runtime.InteropServices;

namespace NexusD.Protocol.App;

/// <summary>
/// PAUSED (0x4B): answers PAUSE; nothing of that subscription follows until it goes on. Sent by the daemon.
/// <code>
///  0       4    5    6      8        12
/// +-------+----+----+------+--------+-----------------
/// | length|0x4B| 0  | code | subscr.| text (on errors)
/// | u32   | u8 | u8 | u16  | u32    |
/// +-------+----+----+------+--------+-----------------
/// </code>
/// Limits: text at most 1,024 bytes. Source: docs/protocol/app-v1.md "PAUSE, PAUSED".
/// </summary>
public readonly ref struct PausedFrame
{
    /// <summary>Bytes before the text.</summary>
    public const int HeaderBytes = 12;

    private const int SubscriptionOffset = 8;

    /// <summary>None: done.</summary>
    public ErrorCode Code { get; init; }

    public uint Subscription { get; init; }

    /// <summary>On errors what to do, UTF-8.</summary>
    public ReadOnlySpan<byte> Text { get; init; }

    public int FrameBytes => HeaderBytes + Text.Length;

    public static ErrorCode TryRead(ReadOnlySpan<byte> frame, out PausedFrame value)
    {
        value = default;
        if (frame.Length < HeaderBytes)
        {
            return ErrorCode.Malformed;
        }

        FrameHeader.TryRead(frame, out FrameHeader header);
        value = new PausedFrame
        {
            Code = (ErrorCode)header.Extra,
            Subscription = LittleEndian.U32(ref MemoryMarshal.GetReference(frame), SubscriptionOffset),
            Text = frame[HeaderBytes..],
        };
        return WireText.IsValid(value.Text, 0, ProtocolLimits.MaxErrorTextBytes) ? ErrorCode.None : ErrorCode.Malformed;
    }

    public int Write(Span<byte> destination)
    {
        Destination.Require(destination, FrameBytes);
        ref byte origin = ref MemoryMarshal.GetReference(destination);
        FrameHeader.Store(ref origin, FrameBytes, FrameKind.Paused, 0, (ushort)Code);
        LittleEndian.Put(ref origin, SubscriptionOffset, Subscription);
        Text.CopyTo(destination[HeaderBytes..]);
        return FrameBytes;
    }
}
