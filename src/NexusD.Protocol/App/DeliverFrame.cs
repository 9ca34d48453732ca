using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace NexusD.Protocol.App;

/// <summary>
/// DELIVER (0x43): a run of events for a subscription. Sent by the daemon.
/// <code>
///  0       4    5     6       8        12      16          24       32          40
/// +-------+----+-----+-------+--------+-------+-----------+--------+-----------+----------------+---------
/// | length|0x43|flags| props | subscr.| alias | publisher | number | timestamp | properties ... | run ...
/// | u32   | u8 | u8  | u16   | u32    | u32   | u64       | u64    | u64       | props bytes    |
/// +-------+----+-----+-------+--------+-------+-----------+--------+-----------+----------------+---------
/// </code>
/// Limits: publisher not 0, number 1 to 2^63 - 1; those of properties and runs; with more than one event at most 34,816
/// bytes. Source: docs/protocol/app-v1.md "DELIVER".
/// </summary>
public readonly ref struct DeliverFrame
{
    /// <summary>Bytes before the properties.</summary>
    public const int HeaderBytes = RunLayout.HeaderBytes;

    /// <summary>Where the subscription id lies, for those who send one frame to many.</summary>
    public const int SubscriptionOffset = RunLayout.TargetOffset;

    /// <summary>Where the alias lies.</summary>
    public const int AliasOffset = RunLayout.AliasOffset;

    /// <summary>Retain, Retained, Replayed; unknown bits are gone.</summary>
    public RunFlags Flags { get; private init; }

    public uint Subscription { get; private init; }

    /// <summary>The topic's alias; 0: the topic is a property.</summary>
    public uint Alias { get; private init; }

    public ulong Publisher { get; private init; }

    /// <summary>Number of the first event.</summary>
    public ulong Number { get; private init; }

    /// <summary>Hybrid clock: upper 48 bits milliseconds since 1970-01-01 UTC, lower 16 bits a counter.</summary>
    public ulong Timestamp { get; private init; }

    /// <summary>The list of properties, not yet judged.</summary>
    public ReadOnlySpan<byte> Properties { get; private init; }

    /// <summary>The run, not yet judged.</summary>
    public ReadOnlySpan<byte> Body { get; private init; }

    /// <summary>Splits a frame. Properties and body are judged by their own readers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ErrorCode TryRead(ReadOnlySpan<byte> frame, out DeliverFrame deliver)
    {
        if (frame.Length >= HeaderBytes)
        {
            ref byte origin = ref MemoryMarshal.GetReference(frame);
            FrameHeader.TryRead(frame, out FrameHeader header);
            int bodyOffset = HeaderBytes + header.Extra;
            ulong publisher = LittleEndian.U64(ref origin, RunLayout.PublisherOffset);
            ulong number = LittleEndian.U64(ref origin, RunLayout.NumberOffset);
            if (bodyOffset <= frame.Length && RunLayout.IsIdentity(publisher, number))
            {
                deliver = new DeliverFrame
                {
                    Flags = (RunFlags)header.Flags & (RunFlags.Retain | RunFlags.Retained | RunFlags.Replayed),
                    Subscription = LittleEndian.U32(ref origin, RunLayout.TargetOffset),
                    Alias = LittleEndian.U32(ref origin, RunLayout.AliasOffset),
                    Publisher = publisher,
                    Number = number,
                    Timestamp = LittleEndian.U64(ref origin, RunLayout.TimestampOffset),
                    Properties = frame.Slice(HeaderBytes, header.Extra),
                    Body = frame[bodyOffset..],
                };
                return ErrorCode.None;
            }
        }

        deliver = default;
        return ErrorCode.Malformed;
    }

    /// <summary>Writes the fixed part; properties and run follow it. Returns 40.</summary>
    /// <param name="destination">At least 40 bytes.</param>
    /// <param name="frameBytes">Size of the whole frame: 40 + properties + run.</param>
    /// <param name="flags">Retain, Retained, Replayed.</param>
    /// <param name="propertyBytes">Bytes of properties.</param>
    /// <param name="subscription">The client's id of the subscription.</param>
    /// <param name="alias">The topic's alias; 0: the topic is a property.</param>
    /// <param name="publisher">Publisher id.</param>
    /// <param name="number">Number of the first event.</param>
    /// <param name="timestamp">Hybrid clock.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int WriteHeader(
        Span<byte> destination,
        int frameBytes,
        RunFlags flags,
        int propertyBytes,
        uint subscription,
        uint alias,
        ulong publisher,
        ulong number,
        ulong timestamp)
    {
        Destination.Require(destination, HeaderBytes);
        ref byte origin = ref MemoryMarshal.GetReference(destination);
        FrameHeader.Store(ref origin, frameBytes, FrameKind.Deliver, (byte)flags, (ushort)propertyBytes);
        LittleEndian.Put(ref origin, RunLayout.TargetOffset, subscription);
        LittleEndian.Put(ref origin, RunLayout.AliasOffset, alias);
        LittleEndian.Put(ref origin, RunLayout.PublisherOffset, publisher);
        LittleEndian.Put(ref origin, RunLayout.NumberOffset, number);
        LittleEndian.Put(ref origin, RunLayout.TimestampOffset, timestamp);
        return HeaderBytes;
    }
}
