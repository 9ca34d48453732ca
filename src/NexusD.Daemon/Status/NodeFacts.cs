using NexusD.Protocol;

namespace NexusD.Daemon.Status;

/// <summary>What does not change while the daemon runs.</summary>
internal sealed record NodeFacts
{
    public required NodeId NodeId { get; init; }

    public required string Name { get; init; }

    public required string Cluster { get; init; }

    public required string Version { get; init; }

    public required DateTimeOffset StartedAt { get; init; }

    /// <summary>Whether anybody who reaches the mesh port can join.</summary>
    public required bool IsInsecure { get; init; }

    /// <summary>Where apps connect: <c>unix:/run/nexusd/nexusd.sock</c>, <c>tcp:127.0.0.1:5672</c>.</summary>
    public required IReadOnlyList<string> AppAddresses { get; init; }

    /// <summary>Bound of a subscription's queue in events.</summary>
    public required int QueueCapacity { get; init; }
}
