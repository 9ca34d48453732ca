namespace NexusdBench;

/// <summary>The counters of a run at one moment.</summary>
internal sealed record TrafficFigures(long Sent, long Received, double OwnCpu, IReadOnlyList<DaemonFigures> Daemons)
{
    internal static TrafficFigures Take(TrafficPlan plan, PublisherLoad[] publishers, SubscriberLoad[] subscribers) =>
        new(
            publishers.Sum(p => p.Sent),
            subscribers.Sum(s => s.TotalReceived),
            ProcessFigures.OwnCpuSeconds,
            [.. plan.Daemons.Select(DaemonFigures.Of)]);
}
