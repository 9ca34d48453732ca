using System.Globalization;

namespace NexusdBench;

/// <summary>
/// Many subscriptions on one connection, each for one topic with a wildcard in its filter; events of topics drawn at
/// random, so that neither the client's nor the daemon's caches help. First one subscription for the same topics.
/// </summary>
internal sealed class SubscriptionsScenario(BenchOptions options, ProgressLine progress)
    : OneDaemonScenario(options, progress)
{
    protected override async Task<Findings> RunAsync(
        string? publishers, string? subscribers, IReadOnlyList<MeasuredDaemon> daemons)
    {
        var count = Options.Subscriptions;
        var number = count.ToString("N0", CultureInfo.InvariantCulture);
        TrafficPlan Plan(string title, bool each) => new()
        {
            Title = title,
            PublisherAddress = publishers,
            SubscriberAddresses = Each(subscribers, 1),
            Publishers = Options.Publishers,
            Topics = count,
            DrawsTopics = true,
            SubscribesToEach = each,
            Daemons = daemons,
        };
        var one = await RunAsync(Plan($"1 subscription, {number} topics", each: false));
        var many = await RunAsync(Plan($"{number} subscriptions and topics", each: true));
        var kept = Percent(many.DeliveriesPerSecond, one.DeliveriesPerSecond);
        return new Findings([one, many],
        [
            string.Create(
                CultureInfo.InvariantCulture, $"With {number} subscriptions {kept:0} % of the rate with one are kept."),
        ]);
    }
}
