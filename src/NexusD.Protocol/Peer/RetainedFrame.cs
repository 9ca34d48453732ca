using System.Runtime.InteropServices;

namespace NexusD.Protocol.Peer;

/// <summary>
/// RETAINED (0x87): one retained event or tombstone, in answer to RETAINED_REQUEST. Sent on the control stream.
/// <code>
///  0       4    5     6       8          12      16          24       32          40
/// +-------+----+-----+-------+----------+-------+-----------+--------+-----------+----------------+---------
/// | length|0x87|flags| props | reserved | 0     | publisher | number | timestamp | properties ... | one event
/// | u32   | u8 | u8  | u16   | u32      | u32   | u64       | u64    | u64       | props bytes    |
/// +-------+----+-----+-------+----------+-------+-----------+--------+-----------+----------------+---------
/// </code>
/// Limits: those of FORWARD; the topic is a property; exactly one event; its payload is empty exactly when the flag
/// 0x02 (tombstone) is set; 0x08 (expired) stands with 0x02 only. Source: docs/protocol/peer-v1.md "Retained repair".
/// </summary>
public readonly ref struct RetainedFrame
{
    /// <summary>Bytes before the properties.</summary>
    public const int HeaderBytes = RunLayout.HeaderBytes;

    private const byte TombstoneFlag = 0x02;
    private const byte ExpiredFlag = 0x08;

    /// <summary>True: the topic's event was deleted.</summary>
    public bool IsTombstone { get; init; }

    /// <summary>
    /// True: a tombstone that stands for an event whose time to live is over; its properties say how long that was.
    /// </summary>
    public bool IsExpired { get; init; }

    public ulong Publisher { get; init; }

    public ulong Number { get; init; }

    /// <summary>Hybrid clock of the event.</summary>
    public ulong Timestamp { get; init; }

    /// <summary>
    /// The list of properties with the topic, not yet judged (<see cref="EventProperties"/> with alias 0).
    /// </summary>
    public ReadOnlySpan<byte> Properties { get; init; }

    /// <summary>
    /// The one event: u32 size and payload. Its size is right; the payload limit is the caller's to check.
    /// </summary>
    public ReadOnlySpan<byte> Body { get; init; }

    public int FrameBytes => HeaderBytes + Properties.Length + Body.Length;

    public static ErrorCode TryRead(ReadOnlySpan<byte> frame, out RetainedFrame retained)
    {
        retained = default;
        if (ForwardFrame.TryRead(frame, out ForwardFrame layout) != ErrorCode.None || layout.Alias != 0)
        {
            return ErrorCode.Malformed;
        }

        FrameHeader.TryRead(frame, out FrameHeader header);
        retained = new RetainedFrame
        {
            IsTombstone = (header.Flags & TombstoneFlag) != 0,
            IsExpired = (header.Flags & ExpiredFlag) != 0,
            Publisher = layout.Publisher,
            Number = layout.Number,
            Timestamp = layout.Timestamp,
            Properties = layout.Properties,
            Body = layout.Body,
        };
        ErrorCode error = EventRunBody.Validate(layout.Body, uint.MaxValue, frame.Length, out int count);
        bool isEmpty = layout.Body.Length == EventRunBody.SizeFieldBytes;
        return error == ErrorCode.None && count == 1 && isEmpty == retained.IsTombstone
            && (isEmpty || !retained.IsExpired)
            ? ErrorCode.None
            : ErrorCode.Malformed;
    }

    public int Write(Span<byte> destination)
    {
        Destination.Require(destination, FrameBytes);
        ForwardFrame.WriteHeader(
            destination, FrameBytes, RunFlags.None, Properties.Length, 0, Publisher, Number, Timestamp);
        var flags = (byte)((IsTombstone ? TombstoneFlag : 0) | (IsExpired ? ExpiredFlag : 0));
        ref byte origin = ref MemoryMarshal.GetReference(destination);
        FrameHeader.Store(ref origin, FrameBytes, PeerFrameKind.Retained, flags, (ushort)Properties.Length);
        Properties.CopyTo(destination[HeaderBytes..]);
        Body.CopyTo(destination[(HeaderBytes + Properties.Length)..]);
        return FrameBytes;
    }
}
