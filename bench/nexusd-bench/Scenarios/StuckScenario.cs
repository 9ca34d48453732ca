using System.Globalization;

namespace NexusdBench;

/// <summary>A healthy flow alone, then beside a subscriber of the same events that never reads.</summary>
internal sealed class StuckScenario(BenchOptions options, ProgressLine progress) : OneDaemonScenario(options, progress)
{
    protected override async Task<Findings> RunAsync(
        string? publishers, string? subscribers, IReadOnlyList<MeasuredDaemon> daemons)
    {
        TrafficPlan Plan(string title, bool stuck) => new()
        {
            Title = title,
            PublisherAddress = publishers,
            SubscriberAddresses = Each(subscribers, Options.Subscribers),
            Publishers = Options.Publishers,
            Topics = Options.Topics,
            HasStuckSubscriber = stuck,
            Daemons = daemons,
        };
        var alone = await RunAsync(Plan("healthy subscribers alone", stuck: false));
        var beside = await RunAsync(Plan("beside one that never reads", stuck: true));
        var kept = Percent(beside.DeliveriesPerSecond, alone.DeliveriesPerSecond);
        return new Findings([alone, beside],
        [
            string.Create(
                CultureInfo.InvariantCulture, $"Beside a stuck subscriber the healthy keep {kept:0} % of their rate."),
        ]);
    }
}
