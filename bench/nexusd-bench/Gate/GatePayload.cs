using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace NexusdBench.Gate;

/// <summary>
/// What stands at the start of every payload, little-endian, 32 bytes; letters fill the rest.
/// <code>
///  0        8         16    24    28
/// +--------+---------+-----+-----+-----+
/// | t_send | t_sched | seq | pub | 0   |
/// | u64    | u64     | u64 | u32 | u32 |
/// +--------+---------+-----+-----+-----+
/// </code>
/// <c>t_send</c>: CLOCK_MONOTONIC in ns just before the send, 0: not stamped. <c>t_sched</c>: when the event was due.
/// </summary>
internal static class GatePayload
{
    /// <summary>Bytes of the head, and so the least size of a payload.</summary>
    internal const int HeadBytes = 32;

    /// <summary>The sequence number of warm-up events, which are not counted.</summary>
    internal const ulong Warmup = ulong.MaxValue;

    /// <summary>At full speed every so many events one is stamped.</summary>
    internal const int StampEvery = 32;

    internal const int SentOffset = 0;
    internal const int DueOffset = 8;
    internal const int SequenceOffset = 16;
    internal const int PublisherOffset = 24;

    internal static byte[] Make(int size, int publisher)
    {
        var payload = new byte[Math.Max(size, HeadBytes)];
        BinaryPrimitives.WriteUInt32LittleEndian(payload.AsSpan(PublisherOffset), (uint)publisher);
        for (var i = HeadBytes; i < payload.Length; i++)
        {
            payload[i] = (byte)('a' + (i % 26));
        }

        return payload;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Stamp(Span<byte> payload, long sent, long due, ulong sequence)
    {
        var head = payload[..HeadBytes];
        BinaryPrimitives.WriteInt64LittleEndian(head[SentOffset..], sent);
        BinaryPrimitives.WriteInt64LittleEndian(head[DueOffset..], due);
        BinaryPrimitives.WriteUInt64LittleEndian(head[SequenceOffset..], sequence);
    }
}
