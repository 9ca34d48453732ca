using NexusD.Routing.Queues;

namespace NexusD.Routing.Recovery;

/// <summary>A run of a ring that is to be replayed, without the events that the client had.</summary>
internal readonly record struct ReplayRun(QueuedRun Run, int Skip)
{
    public ulong FirstNumber => Run.Number + (ulong)Skip;

    public ulong LastNumber => Run.Number + (ulong)Run.Count - 1;

    /// <summary>By time, then publisher, then number.</summary>
    public static int CompareByTime(ReplayRun one, ReplayRun other) =>
        (one.Run.Timestamp, one.Run.Publisher, one.Run.Number)
        .CompareTo((other.Run.Timestamp, other.Run.Publisher, other.Run.Number));

    /// <summary>By publisher, then number.</summary>
    public static int CompareByNumber(ReplayRun one, ReplayRun other) =>
        (one.Run.Publisher, one.Run.Number).CompareTo((other.Run.Publisher, other.Run.Number));
}
