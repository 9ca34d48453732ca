using NexusD.Protocol;

namespace NexusD.Simulation.Tests;

/// <summary>A publisher and all that it published.</summary>
internal sealed class SimulatedPublisher(ulong id, SimulatedNode node)
{
    public ulong Id => id;

    public SimulatedNode Node => node;

    /// <summary>What was published; the first one has number 1.</summary>
    public List<PublishedEvent> Events { get; } = [];
}

/// <summary>An event as it was published.</summary>
internal readonly record struct PublishedEvent(string Topic, Priority Priority, bool Retain, long AtNs);
