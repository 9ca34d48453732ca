using NexusD.Buffers;
using NexusD.Protocol;

namespace NexusD.Routing;

/// <summary>
/// One or more events of one publisher on one topic with consecutive numbers and the same properties: the unit that is
/// routed (docs/protocol/README.md, "Event run").
/// </summary>
/// <remarks>
/// Borrowed: everything it points at is valid until the call that received it returns. A target that keeps the bytes
/// copies them, or retains <see cref="Shared"/>. The body was validated where it entered the daemon.
/// </remarks>
public readonly ref struct EventRun
{
    public required Topic Topic { get; init; }

    /// <summary>Id of the publisher, not 0.</summary>
    public required ulong Publisher { get; init; }

    /// <summary>Number of the first event, at least 1.</summary>
    public required ulong Number { get; init; }

    /// <summary>
    /// Hybrid clock value at which the accepting daemon stamped the run; see <see cref="HybridClock"/>.
    /// </summary>
    public required ulong Timestamp { get; init; }

    /// <summary>Number of events, at least 1.</summary>
    public required int Count { get; init; }

    public RunFlags Flags { get; init; }

    public Priority Priority { get; init; }

    /// <summary>Milliseconds from <see cref="Timestamp"/> after which nobody wants the events; 0: no limit.</summary>
    public uint TimeToLiveMs { get; init; }

    /// <summary>The property list as it stands in frames, without the topic (0x01).</summary>
    public ReadOnlySpan<byte> Properties { get; init; }

    /// <summary><see cref="Count"/> times { u32 size, payload }.</summary>
    public required ReadOnlySpan<byte> Body { get; init; }

    /// <summary>The slab in which <see cref="Body"/> lies when a target may keep it by reference, else null.</summary>
    public Slab? Shared { get; init; }

    /// <summary>Where <see cref="Body"/> starts in <see cref="Shared"/>.</summary>
    public int SharedOffset { get; init; }

    /// <summary>Number of the last event.</summary>
    public ulong LastNumber => Number + (ulong)Count - 1;

    /// <summary>The first <paramref name="events"/> events of the run; 1 to <see cref="Count"/>.</summary>
    public EventRun Take(int events)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(events);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(events, Count);
        return this with { Count = events, Body = Body[..RunBody.OffsetOf(Body, events)] };
    }

    /// <summary>The run without its first <paramref name="events"/> events; 0 to <see cref="Count"/> - 1.</summary>
    public EventRun Skip(int events)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(events);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(events, Count);
        int offset = RunBody.OffsetOf(Body, events);
        return this with
        {
            Number = Number + (ulong)events,
            Count = Count - events,
            Body = Body[offset..],
            SharedOffset = SharedOffset + offset,
        };
    }
}
