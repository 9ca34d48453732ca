namespace NexusdBench;

/// <summary>A measurement at one daemon, or at one for each side: those that run already, or one of its own.</summary>
internal abstract class OneDaemonScenario(BenchOptions options, ProgressLine progress) : Scenario(options, progress)
{
    internal sealed override async Task<Findings> RunAsync()
    {
        if (Options.StartsDaemon)
        {
            await using var group = new DaemonGroup(Options);
            var daemon = await group.StartAsync();
            return await RunAsync(daemon.Address, daemon.Address, group.Measured);
        }

        return await RunAsync(Options.Address, Options.SubscriberAddress, Measured());
    }

    /// <summary>Runs with the daemons of publishers and subscribers.</summary>
    protected abstract Task<Findings> RunAsync(
        string? publishers, string? subscribers, IReadOnlyList<MeasuredDaemon> daemons);

    protected static IReadOnlyList<string?> Each(string? address, int count) =>
        [.. Enumerable.Repeat(address, count)];

    protected static double Percent(double part, double whole) => whole > 0 ? 100 * part / whole : 0;

    private IReadOnlyList<MeasuredDaemon> Measured()
    {
        IEnumerable<int> pids = Options.DaemonPids.Count > 0
            ? Options.DaemonPids
            : new[] { Options.Address, Options.SubscriberAddress }.Select(SocketOwner.PidOf).OfType<int>().Distinct();
        return [.. pids.Select(p => new MeasuredDaemon($"daemon {p}", p))];
    }
}
