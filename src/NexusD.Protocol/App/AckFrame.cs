using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace NexusD.Protocol.App;

/// <summary>
/// ACK (0x44): answers a PUBLISH that asked for it. Sent by the daemon.
/// <code>
///  0       4    5    6      8        16      20       24       28
/// +-------+----+----+------+--------+-------+--------+--------+
/// | length|0x44| 0  | code | number | count | local  | peers  |
/// | u32   | u8 | u8 | u16  | u64    | u32   | u32    | u32    |
/// +-------+----+----+------+--------+-------+--------+--------+
/// </code>
/// Limits: none. Source: docs/protocol/app-v1.md "ACK".
/// </summary>
public readonly struct AckFrame
{
    public const int FrameBytes = 28;

    private const int NumberOffset = 8;
    private const int CountOffset = 16;
    private const int LocalOffset = 20;
    private const int PeersOffset = 24;

    /// <summary>None: accepted. Else nothing of the run was routed.</summary>
    public ErrorCode Code { get; init; }

    /// <summary>Number of the first event of the run.</summary>
    public ulong Number { get; init; }

    /// <summary>Events of the run.</summary>
    public uint Count { get; init; }

    /// <summary>Subscriptions at this daemon whose queues got the run.</summary>
    public uint Local { get; init; }

    /// <summary>Links to other nodes whose queues got the run.</summary>
    public uint Peers { get; init; }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ErrorCode TryRead(ReadOnlySpan<byte> frame, out AckFrame ack)
    {
        if (frame.Length < FrameBytes)
        {
            ack = default;
            return ErrorCode.Malformed;
        }

        ref byte origin = ref MemoryMarshal.GetReference(frame);
        FrameHeader.TryRead(frame, out FrameHeader header);
        ack = new AckFrame
        {
            Code = (ErrorCode)header.Extra,
            Number = LittleEndian.U64(ref origin, NumberOffset),
            Count = LittleEndian.U32(ref origin, CountOffset),
            Local = LittleEndian.U32(ref origin, LocalOffset),
            Peers = LittleEndian.U32(ref origin, PeersOffset),
        };
        return ErrorCode.None;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int Write(Span<byte> destination)
    {
        Destination.Require(destination, FrameBytes);
        ref byte origin = ref MemoryMarshal.GetReference(destination);
        FrameHeader.Store(ref origin, FrameBytes, FrameKind.Ack, 0, (ushort)Code);
        LittleEndian.Put(ref origin, NumberOffset, Number);
        LittleEndian.Put(ref origin, CountOffset, Count);
        LittleEndian.Put(ref origin, LocalOffset, Local);
        LittleEndian.Put(ref origin, PeersOffset, Peers);
        return FrameBytes;
    }
}
