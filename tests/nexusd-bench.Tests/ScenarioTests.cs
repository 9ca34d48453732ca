using System.Text.Json;
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
        Assert.Null(result.CpuSecondsPerMillion.Daemon);
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

    [Fact]
    public void The_names_in_json_are_those_that_scripts_know()
    {
        var result = new BenchResult
        {
            EventsPerSecond = 1, DeliveriesPerSecond = 2, LatencyUs = new LatencyFigures(1, 2, 3, 4, 5, 6), Lost = 3,
            LostTold = 2, Duplicates = 4, Reordered = 5, Verified = true,
            CpuSecondsPerMillion = new CpuFigures(0.1, 0.2),
            DaemonRssMb = 12.5,
        };
        var json = JsonDocument.Parse(ReportJson.Format(result)).RootElement;
        Assert.Equal(
            [
                "events_per_second", "deliveries_per_second", "latency_us", "lost", "lost_told", "duplicates",
                "reordered",
                "verified", "cpu_seconds_per_million", "daemon_rss_mb",
            ],
            json.EnumerateObject().Select(p => p.Name));
        Assert.Equal(
            ["p50", "p90", "p99", "p999", "max"], json.GetProperty("latency_us").EnumerateObject().Select(p => p.Name));
        Assert.Equal(
            ["daemon", "all"], json.GetProperty("cpu_seconds_per_million").EnumerateObject().Select(p => p.Name));
    }

    private static Task<BenchResult> RunAsync(ScriptedDaemon daemon, params string[] args)
    {
        string[] all = [.. args, "--addr", daemon.Address, "--seconds=1", "--warmup=0"];
        return new Scenario(BenchOptions.Parse(args[0] == "latency" ? all : [.. all, "--verify"])!)
            .RunAsync()
            .WaitAsync(TimeSpan.FromSeconds(60));
    }
}
