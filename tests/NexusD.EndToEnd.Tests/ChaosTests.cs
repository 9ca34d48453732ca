using System.Text.Json;
using NexusD.EndToEnd.Tests.Harness;
using Xunit.Abstractions;

namespace NexusD.EndToEnd.Tests;

/// <summary>
/// Real daemons are killed, paused, restarted and cut off from each other; clients write down what they see, and every
/// event is accounted for.
/// </summary>
public sealed class ChaosTests(ITestOutputHelper output)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    [Theory]
    [InlineData(3, 11)]
    [InlineData(3, 12)]
    [InlineData(3, 13)]
    [InlineData(5, 14)]
    [InlineData(5, 15)]
    public async Task Everything_is_accounted_for(int nodes, int seed)
    {
        using var folder = new TempFolder();
        (int exitCode, JsonElement result) = await RunAsync(
            $"--nodes={nodes}", $"--seed={seed}", "--events=15000", "--rate=3000", $"--nexusd={Repository.Nexusd}",
            $"--history={folder.File("history")}");
        Assert.True(exitCode == 0, result.ToString());
        Assert.True(result.GetProperty("faults").GetInt32() > 3, result.ToString());
        Assert.True(result.GetProperty("delivered").GetInt64() > 10_000, result.ToString());
    }

    [NamespaceFact]
    public async Task Pulled_cables_lose_nothing_that_is_not_told()
    {
        await using NamespaceMesh mesh = await NamespaceMesh.StartAsync(3);
        Task<(int ExitCode, JsonElement Result)> run = RunAsync(
            $"--connect={string.Join(',', mesh.All.Select(d => d.Address))}", "--duration=9", "--strict",
            "--policies=drop-oldest,drop-newest,block");
        using var pace = new PeriodicTimer(TimeSpan.FromSeconds(1));
        await pace.WaitForNextTickAsync();
        foreach (int[] hosts in (int[][])[[1], [2, 3], [3]])
        {
            await pace.WaitForNextTickAsync();
            await mesh.PartAsync(hosts);
            await pace.WaitForNextTickAsync();
            await mesh.HealAsync(hosts);
        }

        (int exitCode, JsonElement result) = await run;
        Assert.True(exitCode == 0, result.ToString());
        Assert.Equal(result.GetProperty("wanted").GetInt64(), result.GetProperty("delivered").GetInt64());
    }

    [Fact]
    public async Task What_dies_with_a_daemon_is_found_when_nothing_is_excused()
    {
        using var folder = new TempFolder();
        (int exitCode, JsonElement result) = await RunAsync(
            "--nodes=3", "--seed=21", "--events=12000", "--rate=3000", "--faults=kill", "--strict",
            $"--nexusd={Repository.Nexusd}", $"--history={folder.File("history")}");
        Assert.Equal(1, exitCode);
        Assert.True(result.GetProperty("unaccounted").GetInt64() > 0, result.ToString());
        Assert.Contains("Unaccounted", result.GetProperty("first_violations").ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_history_that_was_tampered_with_is_found()
    {
        using var folder = new TempFolder();
        string file = folder.File("history");
        (int exitCode, _) = await RunAsync(
            "--nodes=2", "--seed=22", "--events=5000", "--faults=none", "--grace=0.5", $"--nexusd={Repository.Nexusd}",
            $"--history={file}");
        Assert.Equal(0, exitCode);
        (exitCode, _) = await RunAsync($"--check={file}");
        Assert.Equal(0, exitCode);

        string[] lines = await File.ReadAllLinesAsync(file);
        int run = Array.FindLastIndex(lines, l => l.StartsWith("run 0 ", StringComparison.Ordinal));
        await File.WriteAllLinesAsync(file, lines.Where((_, i) => i != run));
        (exitCode, JsonElement result) = await RunAsync($"--check={file}");
        Assert.Equal(1, exitCode);
        Assert.Contains("Unaccounted", result.GetProperty("first_violations").ToString(), StringComparison.Ordinal);

        await File.WriteAllLinesAsync(file, [.. lines, lines[run]]);
        (exitCode, result) = await RunAsync($"--check={file}");
        Assert.Equal(1, exitCode);
        Assert.Contains("Duplicate", result.GetProperty("first_violations").ToString(), StringComparison.Ordinal);
    }

    private async Task<(int ExitCode, JsonElement Result)> RunAsync(params string[] arguments)
    {
        await using var bench = new RunningProcess(Repository.Bench, ["chaos", "--json", .. arguments]);
        (int exitCode, List<string> lines) = await bench.WaitForExitAsync(Patience);
        string line = Assert.Single(lines, _ => true);
        output.WriteLine(line);
        return (exitCode, JsonDocument.Parse(line).RootElement);
    }
}
