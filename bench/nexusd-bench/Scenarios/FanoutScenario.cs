namespace NexusdBench;

/// <summary>The same events to 1, 4, 16, ... subscribers: what one more subscriber costs.</summary>
internal sealed class FanoutScenario(BenchOptions options, ProgressLine progress) : OneDaemonScenario(options, progress)
{
    private const int Step = 4;

    protected override async Task<Findings> RunAsync(
        string? publishers, string? subscribers, IReadOnlyList<MeasuredDaemon> daemons)
    {
        var results = new List<BenchResult>();
        foreach (var count in Counts(Math.Max(1, Options.Subscribers)))
        {
            results.Add(await RunAsync(new TrafficPlan
            {
                Title = $"{Options.Publishers} -> {count}, {Options.Payload} bytes",
                PublisherAddress = publishers,
                SubscriberAddresses = Each(subscribers, count),
                Publishers = Options.Publishers,
                Topics = Options.Topics,
                Daemons = daemons,
            }));
        }

        return new Findings(results, []);
    }

    /// <summary>1, 4, 16 and so on, and the most.</summary>
    internal static IEnumerable<int> Counts(int most)
    {
        for (var count = 1; count < most; count *= Step)
        {
            yield return count;
        }

        yield return most;
    }
}
