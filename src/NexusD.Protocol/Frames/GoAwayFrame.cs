using System.Runtime.InteropServices;

namespace NexusD.Protocol.Frames;

/// <summary>
/// GOAWAY (0x48): the sender is leaving (code 19). Sent by the daemon to a client, and between daemons.
/// <code>
///  0       4    5     6      8           16
/// +-------+----+-----+------+-----------+-----------
/// | length|0x48|flags| code | reference | text ...
/// | u32   | u8 | u8  | u16  | u64       |
/// +-------+----+-----+------+-----------+-----------
/// </code>
/// Limits: text at most 1,024 bytes. Source: docs/protocol/app-v1.md "ERROR, GOAWAY".
/// </summary>
public readonly ref struct GoAwayFrame
{
    /// <summary>Bytes before the text.</summary>
    public const int HeaderBytes = 16;

    private const int ReferenceOffset = 8;
    private const byte ClosesFlag = 0x01;

    public ErrorCode Code { get; init; }

    /// <summary>True when the sender closes the connection after this frame.</summary>
    public bool Closes { get; init; }

    /// <summary>What the error is about: the first number of a refused PUBLISH, the alias of a TOPIC, else 0.</summary>
    public ulong Reference { get; init; }

    /// <summary>What was wrong and what to do, UTF-8, for people.</summary>
    public ReadOnlySpan<byte> Text { get; init; }

    public int FrameBytes => HeaderBytes + Text.Length;

    public static ErrorCode TryRead(ReadOnlySpan<byte> frame, out GoAwayFrame value)
    {
        value = default;
        if (frame.Length < HeaderBytes)
        {
            return ErrorCode.Malformed;
        }

        FrameHeader.TryRead(frame, out FrameHeader header);
        value = new GoAwayFrame
        {
            Code = (ErrorCode)header.Extra,
            Closes = (header.Flags & ClosesFlag) != 0,
            Reference = LittleEndian.U64(ref MemoryMarshal.GetReference(frame), ReferenceOffset),
            Text = frame[HeaderBytes..],
        };
        return WireText.IsValid(value.Text, 0, ProtocolLimits.MaxErrorTextBytes) ? ErrorCode.None : ErrorCode.Malformed;
    }

    public int Write(Span<byte> destination)
    {
        Destination.Require(destination, FrameBytes);
        ref byte origin = ref MemoryMarshal.GetReference(destination);
        FrameHeader.Store(ref origin, FrameBytes, FrameKind.GoAway, Closes ? ClosesFlag : (byte)0, (ushort)Code);
        LittleEndian.Put(ref origin, ReferenceOffset, Reference);
        Text.CopyTo(destination[HeaderBytes..]);
        return FrameBytes;
    }
}
