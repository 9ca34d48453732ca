using NexusD.Protocol;
using NexusdClient.Tests;

namespace NexusdBench.Tests;

public sealed class ScenarioTests
{
    [Theory]
    [InlineData("handler")]
    [InlineData("batches")]
    [InlineData("events")]
    public async Task A_run_without_faults_is_good(string read)
    {
        await using var daemon = new ScriptedDaemon();
        var result = await RunAsync(
            daemon, "pubsub", "--publishers=2", "--subscribers=2", "--topics=3", "--read", read, "--window=500");
        Assert.True(result.IsGood);
        Assert.True(result.EventsPerSecond > 0);
        Assert.True(result.DeliveriesPerSecond > 0);
        Assert.InRange(result.LatencyUs.P50, 0.1, result.LatencyUs.Max);
        Assert.True(result.CpuSecondsPerMillion.All > 0);
        Assert.Equal(Environment.ProcessId.ToString(), Assert.Single(result.Daemons).Name.Split(' ')[1]);
    }

    [Fact]
    public async Task A_steady_rate_is_kept()
    {
        await using var daemon = new ScriptedDaemon();
        var result = await RunAsync(daemon, "latency", "--rate=200", $"--daemon-pid={Environment.ProcessId}");
        Assert.True(result.IsGood);
        Assert.InRange(result.EventsPerSecond, 150, 220);
        Assert.InRange(result.LatencyUs.Count, 150, 220);
        Assert.NotNull(result.CpuSecondsPerMillion.Daemon);
        Assert.True(result.DaemonRssMb > 1);
    }

    [Fact]
    public async Task A_loss_is_seen()
    {
        await using var daemon = new ScriptedDaemon();
        var publishes = 0;
        daemon.Intercept = (session, kind, frame) =>
        {
            if (kind != FrameKind.Publish || Interlocked.Increment(ref publishes) != 50)
            {
                return false;
            }

            session.SkipPublish(frame);
            return true;
        };
        var result = await RunAsync(daemon, "pubsub", "--rate=500", "--window=0");
        Assert.False(result.IsGood);
        Assert.True(result.Lost > 0);
    }

    [Theory]
    [InlineData("double")]
    [InlineData("swap")]
    public async Task Doubled_and_late_events_are_seen(string fault)
    {
        await using var daemon = new ScriptedDaemon();
        var publishes = 0;
        byte[]? held = null;
        daemon.Intercept = (session, kind, frame) =>
        {
            if (kind != FrameKind.Publish)
            {
                return false;
            }

            var number = Interlocked.Increment(ref publishes);
            if (number == 50 && fault == "swap")
            {
                held = frame.ToArray();
                return true;
            }

            if (number == 50 || (number == 51 && fault == "swap"))
            {
                session.OnPublish(frame);
                session.OnPublish(held ?? frame);
                return true;
            }

            return false;
        };
        var result = await RunAsync(daemon, "latency", "--rate=500", "--window=0");
        Assert.False(result.IsGood);
        Assert.Equal(0, result.Lost);
        Assert.True(fault == "swap" ? result.Reordered > 0 : result.Duplicates > 0);
    }

    [Fact]
    public async Task Many_subscriptions_get_every_event_once()
    {
        await using var daemon = new ScriptedDaemon();
        var findings = await FindAsync(daemon, "subs", "--subscriptions=200", "--rate=2000", "--verify");
        Assert.True(findings.AreGood);
        Assert.Equal(2, findings.Results.Count);
        Assert.Contains("200 subscriptions", Assert.Single(findings.Remarks), StringComparison.Ordinal);
    }

    [Fact]
    public void A_fan_out_grows_by_four_up_to_the_most()
    {
        Assert.Equal([1], FanoutScenario.Counts(1));
        Assert.Equal([1, 4, 16], FanoutScenario.Counts(16));
        Assert.Equal([1, 4, 10], FanoutScenario.Counts(10));
    }

    private static async Task<BenchResult> RunAsync(ScriptedDaemon daemon, string scenario, params string[] args) =>
        (await FindAsync(daemon, scenario, scenario == "latency" ? args : [.. args, "--verify"])).Headline;

    private static Task<Findings> FindAsync(ScriptedDaemon daemon, string scenario, params string[] args) =>
        Scenario
            .Make(
                BenchOptions.Parse([scenario, .. args, "--addr", daemon.Address, "--seconds=1", "--warmup=0"])!,
                new ProgressLine(null))
            .RunAsync()
            .WaitAsync(TimeSpan.FromSeconds(60));
}
