using System.Runtime.InteropServices;

namespace NexusD.Protocol.Frames;

/// <summary>
/// GAP (0x45): tells which events were lost, where and why. Sent by the daemon to a client, and on lanes between
/// daemons. NOTICE (0x4A) has the same layout and tells a publisher of its own events.
/// <code>
///  0       4    5    6       8        12          20      28      36      44
/// +-------+----+----+-------+--------+-----------+-------+-------+-------+-----------
/// | length|kind| 0  | reason| subscr.| publisher | from  | to    | count | where ...
/// | u32   | u8 | u8 | u16   | u32    | u64       | u64   | u64   | u64   | node name
/// +-------+----+----+-------+--------+-----------+-------+-------+-------+-----------
/// </code>
/// Limits: count at least 1; from at most to at most 2^63 - 1; publisher 0 with from and to 0; where at most 64 bytes.
/// Source: docs/protocol/app-v1.md "GAP" and "NOTICE", peer-v1.md "GAP".
/// </summary>
public readonly ref struct GapFrame
{
    /// <summary>Bytes before the node name.</summary>
    public const int HeaderBytes = 44;

    private const int SubscriptionOffset = 8;
    private const int PublisherOffset = 12;
    private const int FromOffset = 20;
    private const int ToOffset = 28;
    private const int CountOffset = 36;

    public DropReason Reason { get; init; }

    /// <summary>True for NOTICE.</summary>
    public bool IsNotice { get; init; }

    /// <summary>The subscription; 0 between daemons.</summary>
    public uint Subscription { get; init; }

    /// <summary>The publisher; 0: many.</summary>
    public ulong Publisher { get; init; }

    /// <summary>Lowest number lost; 0 when there are many publishers.</summary>
    public ulong From { get; init; }

    /// <summary>Highest number lost; 0 when there are many publishers.</summary>
    public ulong To { get; init; }

    /// <summary>Events lost.</summary>
    public ulong Count { get; init; }

    /// <summary>Name of the node that dropped them, UTF-8, 0 to 64 bytes.</summary>
    public ReadOnlySpan<byte> Where { get; init; }

    public int FrameBytes => HeaderBytes + Where.Length;

    public static ErrorCode TryRead(ReadOnlySpan<byte> frame, out GapFrame gap)
    {
        gap = default;
        if (frame.Length < HeaderBytes)
        {
            return ErrorCode.Malformed;
        }

        ref byte origin = ref MemoryMarshal.GetReference(frame);
        FrameHeader.TryRead(frame, out FrameHeader header);
        gap = new GapFrame
        {
            Reason = (DropReason)header.Extra,
            IsNotice = header.Kind == FrameKind.Notice,
            Subscription = LittleEndian.U32(ref origin, SubscriptionOffset),
            Publisher = LittleEndian.U64(ref origin, PublisherOffset),
            From = LittleEndian.U64(ref origin, FromOffset),
            To = LittleEndian.U64(ref origin, ToOffset),
            Count = LittleEndian.U64(ref origin, CountOffset),
            Where = frame[HeaderBytes..],
        };
        bool good = gap.Count != 0
            && gap.From <= gap.To
            && gap.To <= ProtocolLimits.MaxNumber
            && (gap.Publisher != 0 || gap.To == 0)
            && WireText.IsValid(gap.Where, 0, ProtocolLimits.MaxNameBytes);
        return good ? ErrorCode.None : ErrorCode.Malformed;
    }

    public int Write(Span<byte> destination)
    {
        Destination.Require(destination, FrameBytes);
        ref byte origin = ref MemoryMarshal.GetReference(destination);
        byte kind = IsNotice ? FrameKind.Notice : FrameKind.Gap;
        FrameHeader.Store(ref origin, FrameBytes, kind, 0, (ushort)Reason);
        LittleEndian.Put(ref origin, SubscriptionOffset, Subscription);
        LittleEndian.Put(ref origin, PublisherOffset, Publisher);
        LittleEndian.Put(ref origin, FromOffset, From);
        LittleEndian.Put(ref origin, ToOffset, To);
        LittleEndian.Put(ref origin, CountOffset, Count);
        Where.CopyTo(destination[HeaderBytes..]);
        return FrameBytes;
    }
}
