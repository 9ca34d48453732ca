namespace NexusD.Simulation.Tests;

/// <summary>An invariant does not hold.</summary>
internal sealed class SimulationFailure : Exception
{
    public SimulationFailure(string message, ulong publisher = 0)
        : base(message) => Publisher = publisher;

    /// <summary>Whose events are concerned; 0: no particular publisher's.</summary>
    public ulong Publisher { get; }
}
