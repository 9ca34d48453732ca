using System.Runtime.InteropServices;

namespace NexusD.Protocol.App;

/// <summary>
/// QUERY (0x09): asks for status as JSON. Sent by the client.
/// <code>
///  0       4    5    6     8        12
/// +-------+----+----+-----+--------+------------
/// | length|0x09| 0  | 0   | request| text ...
/// | u32   | u8 | u8 | u16 | u32    |
/// +-------+----+----+-----+--------+------------
/// </code>
/// Limits: text 1 to 64 bytes; which texts there are is the daemon's to know (unknown_query). Source:
/// docs/protocol/app-v1.md "QUERY, RESULT".
/// </summary>
public readonly ref struct QueryFrame
{
    /// <summary>Bytes before the text.</summary>
    public const int HeaderBytes = 12;

    private const int RequestOffset = 8;

    public QueryFrame(uint request, ReadOnlySpan<byte> text)
    {
        Request = request;
        Text = text;
    }

    /// <summary>The client's number for the request; RESULT has the same.</summary>
    public uint Request { get; }

    /// <summary>What is asked for, UTF-8.</summary>
    public ReadOnlySpan<byte> Text { get; }

    public int FrameBytes => HeaderBytes + Text.Length;

    public static ErrorCode TryRead(ReadOnlySpan<byte> frame, out QueryFrame query)
    {
        query = default;
        if (frame.Length < HeaderBytes)
        {
            return ErrorCode.Malformed;
        }

        uint request = LittleEndian.U32(ref MemoryMarshal.GetReference(frame), RequestOffset);
        query = new QueryFrame(request, frame[HeaderBytes..]);
        return WireText.IsValid(query.Text, 1, ProtocolLimits.MaxQueryBytes) ? ErrorCode.None : ErrorCode.Malformed;
    }

    public int Write(Span<byte> destination)
    {
        Destination.Require(destination, FrameBytes);
        ref byte origin = ref MemoryMarshal.GetReference(destination);
        FrameHeader.Store(ref origin, FrameBytes, FrameKind.Query, 0, 0);
        LittleEndian.Put(ref origin, RequestOffset, Request);
        Text.CopyTo(destination[HeaderBytes..]);
        return FrameBytes;
    }
}
