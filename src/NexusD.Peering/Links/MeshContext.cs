using NexusD.Buffers;
using NexusD.Protocol;
using NexusD.Routing;

namespace NexusD.Peering.Links;

/// <summary>What all links of a mesh share.</summary>
internal sealed class MeshContext(IMeshLoop loop, Router router, HybridClock clock, SlabPool pool, MeshOptions options)
{
    public IMeshLoop Loop { get; } = loop;

    public Router Router { get; } = router;

    public HybridClock Clock { get; } = clock;

    public SlabPool Pool { get; } = pool;

    public MeshOptions Options { get; } = options;

    public MeshCounters Counters { get; } = new();

    public AssemblyBudget Assembly { get; } = new(options.MaxAssemblyBytes);

    public RetainedTurns RetainedTurns { get; } = new();

    /// <summary>This node's clock now.</summary>
    public ulong Tick() => Clock.Tick(Loop.UnixMs);

    /// <summary>Whether a run's time to live was over before it came here.</summary>
    public bool IsExpired(in EventRun run) =>
        HybridClock.IsExpired(run.Timestamp, run.TimeToLiveMs, Clock.Now(Loop.UnixMs));

    /// <summary>Takes note of a peer's clock.</summary>
    public void Observe(ulong timestamp)
    {
        if (timestamp > Clock.Last && !Clock.Observe(timestamp, Loop.UnixMs))
        {
            Counters.ClocksRefused++;
        }
    }
}

/// <summary>What the parts of one link share: its sums, and what it holds of the peer's.</summary>
internal sealed class LinkLedger
{
    public long EventsIn { get; set; }

    public long EventsOut { get; set; }

    public long BytesIn { get; set; }

    public long BytesOut { get; set; }

    public long DroppedLinkFull { get; set; }

    public long DroppedTooLarge { get; set; }

    /// <summary>Events under way to a node that is gone, or that lost track of its lanes.</summary>
    public long DroppedLinkLost { get; set; }

    /// <summary>Events held for a node that could not be reached, and given up.</summary>
    public long DroppedLinkDown { get; set; }

    /// <summary>Events given up because this node has no memory for them.</summary>
    public long DroppedMemory { get; set; }

    /// <summary>Bytes of topic text that the peer's aliases hold.</summary>
    public long AliasBytes { get; set; }

    /// <summary>The newest timestamp read; the clock is told once per piece of data.</summary>
    public ulong LatestTimestamp { get; set; }
}

/// <summary>A rule that the peer broke, or none.</summary>
/// <param name="Code">What to close the link with; <see cref="ErrorCode.None"/>: all is well.</param>
/// <param name="Reason">For a person: what was wrong.</param>
internal readonly record struct LinkFault(ErrorCode Code, string Reason)
{
    public static LinkFault None => default;

    public bool IsFault => Code != ErrorCode.None;

    public static LinkFault Malformed(string reason) => new(ErrorCode.Malformed, reason);
}
