using System.Text.Json;
using NexusD.EndToEnd.Tests.Harness;

namespace NexusD.EndToEnd.Tests;

/// <summary>The load generator with the daemons that it starts itself.</summary>
public sealed class BenchTests
{
    [Theory]
    [InlineData("mesh", "--nodes=3")]
    [InlineData("pubsub", "--start", "--publishers=2", "--subscribers=2")]
    [InlineData("subs", "--start", "--subscriptions=500")]
    [InlineData("stuck", "--start")]
    public async Task A_scenario_loses_nothing_and_measures_its_daemons(string scenario, params string[] more)
    {
        await using var bench = new RunningProcess(
            Repository.Bench,
            [scenario, .. more, $"--nexusd={Repository.Nexusd}", "--seconds=1", "--warmup=0", "--verify", "--json"]);
        string line = await bench.ReadLineAsync() ?? throw new InvalidOperationException(bench.Errors);
        JsonElement result = JsonDocument.Parse(line).RootElement;
        Assert.Equal(0, result.GetProperty("lost").GetInt64());
        Assert.Equal(0, result.GetProperty("duplicates").GetInt64());
        Assert.Equal(0, result.GetProperty("reordered").GetInt64());
        Assert.True(result.GetProperty("deliveries_per_second").GetDouble() > 0);
        Assert.True(result.GetProperty("daemon_rss_mb").GetDouble() > 1);
        Assert.True(result.GetProperty("cpu_seconds_per_million").GetProperty("daemon").GetDouble() > 0);
    }

    [Fact]
    public async Task Idle_tells_what_a_connection_and_a_peer_cost()
    {
        await using var bench = new RunningProcess(
            Repository.Bench, ["idle", "--connections=200", "--peers=1", $"--nexusd={Repository.Nexusd}", "--json"]);
        string line = await bench.ReadLineAsync() ?? throw new InvalidOperationException(bench.Errors);
        JsonElement idle = JsonDocument.Parse(line).RootElement.GetProperty("idle_kb");
        Assert.InRange(idle.GetProperty("connection").GetDouble(), 0.1, 30);
        Assert.True(idle.TryGetProperty("peer", out _));
    }
}
