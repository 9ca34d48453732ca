using System.Runtime.InteropServices;

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
/// The parties of a run share one machine, so its own byte order is the right one.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal struct GatePayload
{
    /// <summary>Bytes of the head, and so the least size of a payload.</summary>
    internal const int HeadBytes = 32;

    /// <summary>The sequence number of warm-up events, which are not counted.</summary>
    internal const ulong Warmup = ulong.MaxValue;

    /// <summary>At full speed every so many events one is stamped.</summary>
    internal const int StampEvery = 32;

    /// <summary>CLOCK_MONOTONIC in ns just before the send; 0: not stamped.</summary>
    internal long SentAt;

    /// <summary>When the event was due, in ns; at full speed as <see cref="SentAt"/>.</summary>
    internal long DueAt;

    internal ulong Sequence;

    internal uint Publisher;

    internal uint Zero;

    /// <summary>A payload of a publisher, its head to be stamped.</summary>
    internal static byte[] Make(int size, int publisher)
    {
        var payload = new byte[Math.Max(size, HeadBytes)];
        MemoryMarshal.AsRef<GatePayload>(payload.AsSpan()).Publisher = (uint)publisher;
        for (var i = HeadBytes; i < payload.Length; i++)
        {
            payload[i] = (byte)('a' + (i % 26));
        }

        return payload;
    }

    internal void Stamp(long sent, long due, ulong sequence) => (SentAt, DueAt, Sequence) = (sent, due, sequence);
}
