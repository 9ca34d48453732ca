using System.Runtime.InteropServices;

namespace NexusD.Protocol.App;

/// <summary>
/// SUBSCRIBED (0x42): answers SUBSCRIBE. Sent by the daemon.
/// <code>
///  0       4    5    6      8        12
/// +-------+----+----+------+--------+--------------------------------------------------
/// | length|0x42| 0  | code | subscr.| text on errors, else properties of a kept one ...
/// | u32   | u8 | u8 | u16  | u32    |
/// +-------+----+----+------+--------+--------------------------------------------------
/// </code>
/// Limits: text at most 1,024 bytes. Source: docs/protocol/app-v1.md "SUBSCRIBED, UNSUBSCRIBE, UNSUBSCRIBED".
/// </summary>
public readonly ref struct SubscribedFrame
{
    /// <summary>Bytes before the text.</summary>
    public const int HeaderBytes = 12;

    private const int SubscriptionOffset = 8;

    /// <summary>None: done.</summary>
    public ErrorCode Code { get; init; }

    public uint Subscription { get; init; }

    /// <summary>On errors what to do, UTF-8.</summary>
    public ReadOnlySpan<byte> Text { get; init; }

    /// <summary>
    /// How long it is kept when its connection breaks, in milliseconds; 0: not. Null: nobody asked for it.
    /// </summary>
    public uint? KeepMs { get; init; }

    /// <summary>What to name it by, 16 bytes; a secret. Empty: it is not kept.</summary>
    public ReadOnlySpan<byte> KeepToken { get; init; }

    /// <summary>From where on its frames are counted; null: it is not kept.</summary>
    public StreamPosition? Position { get; init; }

    /// <summary>Whether a kept one goes on.</summary>
    public bool TakenOver { get; init; }

    public int FrameBytes => HeaderBytes + (Code == ErrorCode.None ? PropertyBytes : Text.Length);

    private int PropertyBytes => (KeepMs is null ? 0 : PropertyWriter.Size(sizeof(uint)))
        + PropertyWriter.SizeUnlessEmpty(KeepToken.Length)
        + (Position is null ? 0 : PropertyWriter.Size(StreamPosition.Size))
        + (TakenOver ? PropertyWriter.Size(sizeof(byte)) : 0);

    public static ErrorCode TryRead(ReadOnlySpan<byte> frame, out SubscribedFrame value)
    {
        value = default;
        if (frame.Length < HeaderBytes)
        {
            return ErrorCode.Malformed;
        }

        FrameHeader.TryRead(frame, out FrameHeader header);
        value = new SubscribedFrame
        {
            Code = (ErrorCode)header.Extra,
            Subscription = LittleEndian.U32(ref MemoryMarshal.GetReference(frame), SubscriptionOffset),
        };
        ReadOnlySpan<byte> rest = frame[HeaderBytes..];
        if (value.Code == ErrorCode.None)
        {
            return ReadProperties(rest, ref value) ? ErrorCode.None : ErrorCode.Malformed;
        }

        value = value with { Text = rest };
        return WireText.IsValid(rest, 0, ProtocolLimits.MaxErrorTextBytes) ? ErrorCode.None : ErrorCode.Malformed;
    }

    public int Write(Span<byte> destination)
    {
        Destination.Require(destination, FrameBytes);
        ref byte origin = ref MemoryMarshal.GetReference(destination);
        FrameHeader.Store(ref origin, FrameBytes, FrameKind.Subscribed, 0, (ushort)Code);
        LittleEndian.Put(ref origin, SubscriptionOffset, Subscription);
        if (Code != ErrorCode.None)
        {
            Text.CopyTo(destination[HeaderBytes..]);
            return FrameBytes;
        }

        PropertyWriter properties = new(destination[HeaderBytes..]);
        if (KeepMs is { } keep)
        {
            properties.Write(PropertyId.Keep, keep);
        }

        properties.WriteUnlessEmpty(PropertyId.KeepToken, KeepToken);
        if (Position is { } position)
        {
            properties.Write(PropertyId.Position, position);
        }

        if (TakenOver)
        {
            properties.Write(PropertyId.TakenOver, (byte)1);
        }

        return FrameBytes;
    }

    private static bool ReadProperties(ReadOnlySpan<byte> list, ref SubscribedFrame subscribed)
    {
        PropertyReader properties = new(list);
        while (properties.TryRead(out byte id, out ReadOnlySpan<byte> value))
        {
            switch (id)
            {
                case PropertyId.Keep when PropertyValue.TryRead(value, out uint milliseconds):
                    subscribed = subscribed with { KeepMs = milliseconds };
                    break;
                case PropertyId.KeepToken when value.Length == ProtocolLimits.KeepTokenBytes:
                    subscribed = subscribed with { KeepToken = value };
                    break;
                case PropertyId.Position when StreamPosition.TryRead(value, out StreamPosition position):
                    subscribed = subscribed with { Position = position };
                    break;
                case PropertyId.TakenOver when value.Length == 1 && value[0] <= 1:
                    subscribed = subscribed with { TakenOver = value[0] == 1 };
                    break;
                case PropertyId.Keep or PropertyId.KeepToken or PropertyId.Position or PropertyId.TakenOver:
                    return false;
            }
        }

        return !properties.Malformed;
    }
}
