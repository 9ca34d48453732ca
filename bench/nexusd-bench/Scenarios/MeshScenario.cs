using System.Globalization;

namespace NexusdBench;

/// <summary>
/// Starts daemons that are all linked with each other, encrypted; publishers at the first, subscribers at each other.
/// </summary>
internal sealed class MeshScenario(BenchOptions options, ProgressLine progress) : Scenario(options, progress)
{
    internal override async Task<Findings> RunAsync()
    {
        await using var group = new DaemonGroup(Options);
        for (var i = 0; i < Options.Nodes; i++)
        {
            await group.StartAsync([.. group.Running]);
        }

        var others = group.Running.Skip(1);
        return new Findings(await RunAsync(new TrafficPlan
        {
            Title = string.Create(
                CultureInfo.InvariantCulture,
                $"{Options.Nodes} nodes, {Options.Publishers} -> {Options.Subscribers} at each other node, "
                + $"{Options.Topics} topics, {Options.Payload} bytes"),
            PublisherAddress = group.Running[0].Address,
            SubscriberAddresses =
                [.. others.SelectMany(d => Enumerable.Repeat(d.Address, Options.Subscribers))],
            Publishers = Options.Publishers,
            Topics = Options.Topics,
            Daemons = group.Measured,
        }));
    }
}
