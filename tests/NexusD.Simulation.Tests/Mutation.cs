namespace NexusD.Simulation.Tests;

/// <summary>A fault put in on purpose, to see that it is found.</summary>
internal enum Mutation
{
    None,

    /// <summary>A run is left out.</summary>
    DropRun,

    /// <summary>Two runs of a publisher change places.</summary>
    SwapRuns,

    /// <summary>A run comes twice, and in the place of another one.</summary>
    RepeatRun,

    /// <summary>A run comes with the payloads of the one before it.</summary>
    RepeatPayload,

    /// <summary>A notice tells of one event more than were lost.</summary>
    MiscountGap,
}
