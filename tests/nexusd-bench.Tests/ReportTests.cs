using System.Text.Json;

namespace NexusdBench.Tests;

public sealed class ReportTests
{
    private static readonly BenchResult Result = new()
    {
        Title = "one, two",
        EventsPerSecond = 1,
        DeliveriesPerSecond = 2,
        LatencyUs = new LatencyFigures(1, 2, 3, 4, 5, 6),
        Lost = 3,
        LostTold = 2,
        Duplicates = 4,
        Reordered = 5,
        IsVerified = true,
        CpuSecondsPerMillion = new CpuFigures(0.1, 0.2),
        DaemonRssMb = 12.5,
        Daemons = [new DaemonFigures("a", 0.05, 6), new DaemonFigures("b", 0.05, 6.5)],
    };

    [Fact]
    public void The_names_in_json_are_those_that_scripts_know()
    {
        var json = JsonDocument.Parse(ReportJson.Format(Result)).RootElement;
        Assert.Equal(
            [
                "events_per_second", "deliveries_per_second", "latency_us", "lost", "duplicates", "reordered",
                "cpu_seconds_per_million", "daemon_rss_mb",
            ],
            json.EnumerateObject().Select(p => p.Name));
        Assert.Equal(
            ["p50", "p90", "p99", "p999", "max"], json.GetProperty("latency_us").EnumerateObject().Select(p => p.Name));
        Assert.Equal(
            ["daemon", "all"], json.GetProperty("cpu_seconds_per_million").EnumerateObject().Select(p => p.Name));
    }

    [Fact]
    public void Idle_tells_in_json_what_a_connection_and_a_peer_cost()
    {
        var idle = Result with { IdleKb = new MemoryFigures(4.5, 40) };
        var json = JsonDocument.Parse(ReportJson.Format(idle)).RootElement;
        Assert.Equal(4.5, json.GetProperty("idle_kb").GetProperty("connection").GetDouble());
        Assert.Equal(40, json.GetProperty("idle_kb").GetProperty("peer").GetDouble());
    }

    [Fact]
    public void Csv_has_a_value_for_each_name()
    {
        var lines = ReportCsv.Format("mesh", [Result, Result]).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(3, lines.Length);
        Assert.StartsWith("mesh,\"one, two\",1,2,1,2,3,4,5,3,4,5,0.1,0.2,12.5", lines[1], StringComparison.Ordinal);
        var values = lines[1].Replace("one, two", "one", StringComparison.Ordinal).Split(',');
        Assert.Equal(lines[0].Split(',').Length, values.Length);
    }

    [Fact]
    public void The_table_names_every_daemon_of_a_mesh()
    {
        var options = BenchOptions.Parse(["mesh"])!;
        var text = ReportTable.Format(options, new Findings([Result], ["A remark."]));
        Assert.Contains("mesh: one, two", text, StringComparison.Ordinal);
        Assert.Contains("a            CPU 0.050 s, 6.0 MB", text, StringComparison.Ordinal);
        Assert.EndsWith("A remark.\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Progress_goes_to_a_terminal_only()
    {
        using var terminal = new StringWriter();
        new ProgressLine(terminal).Show("run", 1.5, 5, 1000, 2000);
        Assert.Contains(
            "run  1.5/5 s  1,000 events/s  2,000 deliveries/s", terminal.ToString(), StringComparison.Ordinal);
        new ProgressLine(null).Show("run", 1.5, 5, 1000, 2000);
    }
}
