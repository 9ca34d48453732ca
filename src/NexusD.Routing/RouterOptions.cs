using NexusD.Protocol;
using NexusD.Protocol.Topics;

namespace NexusD.Routing;

/// <summary>The bounds of a router. Each default is what a sidecar needs with room to spare.</summary>
public sealed record RouterOptions
{
    /// <summary>Name of this node: where its drops happened, in gap notices.</summary>
    public string NodeName { get; init; } = "";

    /// <summary>Id of this node: makes its members of groups known among those of all nodes.</summary>
    public NodeId NodeId { get; init; }

    /// <summary>Most topic names known at a time, at least 16; about 200 bytes each.</summary>
    public int MaxTopics { get; init; } = 262_144;

    /// <summary>Most targets in all remembered routes together, at least 16; 16 bytes each.</summary>
    public int MaxRouteEntries { get; init; } = 2_097_152;

    /// <summary>Most publishers whose last numbers are known, at least 16; about 150 bytes each.</summary>
    public int MaxPublishers { get; init; } = 65_536;

    /// <summary>Most retained events and tombstones together, at least 1.</summary>
    public int MaxRetainedEvents { get; init; } = 100_000;

    /// <summary>What this node accepts on topics that match one of these is retained without the flag.</summary>
    public IReadOnlyList<TopicFilter> RetainTopics { get; init; } = [];

    /// <summary>Most bytes of retained events and tombstones together, at least 1,024.</summary>
    public long MaxRetainedBytes { get; init; } = 64L * 1024 * 1024;

    /// <summary>Last events of each topic that are kept for subscribers that come back, 0 to 1,024; 0: none.</summary>
    public int RecoveryEvents { get; init; } = 5;

    /// <summary>Most bytes of all these together; 0: none are kept.</summary>
    public long MaxRecoveryBytes { get; init; } = 16L * 1024 * 1024;
}
