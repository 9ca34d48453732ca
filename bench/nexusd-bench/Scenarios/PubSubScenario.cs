using System.Globalization;

namespace NexusdBench;

/// <summary>
/// Publishers, one daemon (or one for each side), subscribers; <c>latency</c> is the same at a steady rate.
/// </summary>
internal sealed class PubSubScenario(BenchOptions options, ProgressLine progress) : OneDaemonScenario(options, progress)
{
    protected override async Task<Findings> RunAsync(
        string? publishers, string? subscribers, IReadOnlyList<MeasuredDaemon> daemons) =>
        new(await RunAsync(new TrafficPlan
        {
            Title = string.Create(
                CultureInfo.InvariantCulture,
                $"{Options.Publishers} -> {Options.Subscribers}, {Options.Topics} topics, {Options.Payload} bytes"),
            PublisherAddress = publishers,
            SubscriberAddresses = Each(subscribers, Options.Subscribers),
            Publishers = Options.Publishers,
            Topics = Options.Topics,
            Daemons = daemons,
        }));
}
