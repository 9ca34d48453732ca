namespace NexusdBench;

/// <summary>One kind of measurement.</summary>
internal abstract class Scenario(BenchOptions options, ProgressLine progress)
{
    protected BenchOptions Options { get; } = options;

    protected ProgressLine Progress { get; } = progress;

    internal static Scenario Make(BenchOptions options, ProgressLine progress) => options.Scenario switch
    {
        "pubsub" or "latency" => new PubSubScenario(options, progress),
        "fanout" => new FanoutScenario(options, progress),
        "subs" => new SubscriptionsScenario(options, progress),
        "mesh" => new MeshScenario(options, progress),
        "idle" => new IdleScenario(options, progress),
        "stuck" => new StuckScenario(options, progress),
        _ => throw new BenchUsageException($"'{options.Scenario}' is no scenario."),
    };

    /// <exception cref="NexusdClient.NexusdException">A daemon is not there or failed.</exception>
    internal abstract Task<Findings> RunAsync();

    protected Task<BenchResult> RunAsync(TrafficPlan plan) => new TrafficRun(Options, plan, Progress).RunAsync();
}
