using System.Runtime.InteropServices;

namespace NexusD.Protocol.App;

/// <summary>
/// RESULT (0x46): answers QUERY. Sent by the daemon.
/// <code>
///  0       4    5    6      8        12
/// +-------+----+----+------+--------+------------
/// | length|0x46| 0  | code | request| text ...
/// | u32   | u8 | u8 | u16  | u32    |
/// +-------+----+----+------+--------+------------
/// </code>
/// Limits: that of the frame. Source: docs/protocol/app-v1.md "QUERY, RESULT".
/// </summary>
public readonly ref struct ResultFrame
{
    /// <summary>Bytes before the text.</summary>
    public const int HeaderBytes = 12;

    private const int RequestOffset = 8;

    /// <summary>None: the text is a JSON document. Else it says what to do.</summary>
    public ErrorCode Code { get; init; }

    /// <summary>The number of the QUERY.</summary>
    public uint Request { get; init; }

    /// <summary>JSON or an error text, UTF-8.</summary>
    public ReadOnlySpan<byte> Text { get; init; }

    public int FrameBytes => HeaderBytes + Text.Length;

    public static ErrorCode TryRead(ReadOnlySpan<byte> frame, out ResultFrame result)
    {
        result = default;
        if (frame.Length < HeaderBytes)
        {
            return ErrorCode.Malformed;
        }

        FrameHeader.TryRead(frame, out FrameHeader header);
        result = new ResultFrame
        {
            Code = (ErrorCode)header.Extra,
            Request = LittleEndian.U32(ref MemoryMarshal.GetReference(frame), RequestOffset),
            Text = frame[HeaderBytes..],
        };
        return WireText.IsValid(result.Text, 0, int.MaxValue) ? ErrorCode.None : ErrorCode.Malformed;
    }

    public int Write(Span<byte> destination)
    {
        Destination.Require(destination, FrameBytes);
        ref byte origin = ref MemoryMarshal.GetReference(destination);
        FrameHeader.Store(ref origin, FrameBytes, FrameKind.Result, 0, (ushort)Code);
        LittleEndian.Put(ref origin, RequestOffset, Request);
        Text.CopyTo(destination[HeaderBytes..]);
        return FrameBytes;
    }
}
