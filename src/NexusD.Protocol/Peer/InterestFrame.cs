using System.Runtime.InteropServices;

namespace NexusD.Protocol.Peer;

/// <summary>
/// INTEREST (0x82): filters that the sender's subscribers want, added and removed. Sent on the control stream.
/// <code>
///  0       4    5     6    8         16
/// +-------+----+-----+-----+---------+-----------------------------------
/// | length|0x82|flags| 0   | version | { op u8, length u16, filter, (member) } ...
/// | u32   | u8 | u8  | u16 | u64     |
/// +-------+----+-----+-----+---------+-----------------------------------
/// </code>
/// Limits: at most 65,536 bytes; ops 1 to 4 only; filters judged when parsed. Source: docs/protocol/peer-v1.md
/// "INTEREST".
/// </summary>
public readonly ref struct InterestFrame
{
    /// <summary>Bytes before the entries.</summary>
    public const int HeaderBytes = 16;

    private const int VersionOffset = 8;
    private const byte ResetFlag = 0x01;

    /// <summary>True: forget all filters of the sender first.</summary>
    public bool Reset { get; init; }

    /// <summary>Grows by one with each frame of the sender.</summary>
    public ulong Version { get; init; }

    /// <summary>The entries: see <see cref="InterestReader"/>.</summary>
    public ReadOnlySpan<byte> Entries { get; init; }

    public int FrameBytes => HeaderBytes + Entries.Length;

    public static ErrorCode TryRead(ReadOnlySpan<byte> frame, out InterestFrame interest)
    {
        interest = default;
        if (frame.Length is < HeaderBytes or > ProtocolLimits.MaxInterestFrameBytes)
        {
            return ErrorCode.Malformed;
        }

        FrameHeader.TryRead(frame, out FrameHeader header);
        interest = new InterestFrame
        {
            Reset = (header.Flags & ResetFlag) != 0,
            Version = LittleEndian.U64(ref MemoryMarshal.GetReference(frame), VersionOffset),
            Entries = frame[HeaderBytes..],
        };
        InterestReader entries = new(interest.Entries);
        while (entries.TryRead(out _, out _, out _, out _))
        {
        }

        return entries.Malformed ? ErrorCode.Malformed : ErrorCode.None;
    }

    /// <summary>Writes the fixed part where the entries were written in place. Returns 16.</summary>
    public static int WriteHeader(Span<byte> destination, int frameBytes, bool reset, ulong version)
    {
        Destination.Require(destination, HeaderBytes);
        ref byte origin = ref MemoryMarshal.GetReference(destination);
        FrameHeader.Store(ref origin, frameBytes, PeerFrameKind.Interest, reset ? ResetFlag : (byte)0, 0);
        LittleEndian.Put(ref origin, VersionOffset, version);
        return HeaderBytes;
    }

    public int Write(Span<byte> destination)
    {
        Destination.Require(destination, FrameBytes);
        WriteHeader(destination, FrameBytes, Reset, Version);
        Entries.CopyTo(destination[HeaderBytes..]);
        return FrameBytes;
    }
}
