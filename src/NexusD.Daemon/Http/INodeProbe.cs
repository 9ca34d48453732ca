using NexusD.Daemon.Status;

namespace NexusD.Daemon.Http;

/// <summary>What the HTTP side may ask of the node. Any thread.</summary>
internal interface INodeProbe
{
    /// <summary>Why the node is not ready to serve apps, or null when it is.</summary>
    string? NotReadyBecause { get; }

    /// <summary>Whether the loop answers within <paramref name="patience"/>; if not, it hangs.</summary>
    Task<bool> AnswersAsync(TimeSpan patience);

    /// <summary>
    /// A copy of everything, taken on the loop's thread; null when the loop did not answer within
    /// <paramref name="patience"/>, which means that it hangs.
    /// </summary>
    Task<NodeSnapshot?> TakeSnapshotAsync(TimeSpan patience);
}
