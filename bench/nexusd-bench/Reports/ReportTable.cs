using System.Globalization;
using System.Text;

namespace NexusdBench;

/// <summary>The results for people.</summary>
internal static class ReportTable
{
    internal static string Format(BenchOptions options, Findings findings)
    {
        var text = new StringBuilder();
        foreach (var result in findings.Results)
        {
            text.Append(CultureInfo.InvariantCulture, $"{options.Scenario}: {result.Title}\n");
            Append(text, result);
        }

        foreach (var remark in findings.Remarks)
        {
            text.Append(remark).Append('\n');
        }

        return text.ToString();
    }

    private static void Append(StringBuilder text, BenchResult result)
    {
        if (result.IdleKb is { } idle)
        {
            Line(text, "connection", $"{idle.Connection:N1} KB of daemon memory, idle, with a subscription");
            Line(text, "peer", $"{idle.Peer:N1} KB of daemon memory, idle");
        }
        else
        {
            AppendTraffic(text, result);
        }

        if (result.DaemonRssMb is { } memory)
        {
            Line(text, "daemon memory", $"{memory:0.0} MB");
        }

        foreach (var daemon in result.Daemons.Count > 1 ? result.Daemons : [])
        {
            Line(text, "  " + daemon.Name, $"CPU {daemon.CpuSeconds:0.000} s, {daemon.ResidentMegabytes:0.0} MB");
        }
    }

    private static void AppendTraffic(StringBuilder text, BenchResult result)
    {
        var latency = result.LatencyUs;
        Line(text, "events", $"{result.EventsPerSecond:N0} /s");
        Line(text, "deliveries", $"{result.DeliveriesPerSecond:N0} /s");
        if (latency.Count > 0)
        {
            Line(text, "latency", $"p50 {latency.P50:N1}  p90 {latency.P90:N1}  p99 {latency.P99:N1}  "
                + $"p99.9 {latency.P999:N1}  max {latency.Max:N1} us  ({latency.Count:N0} timed)");
        }

        Line(text, "lost", $"{result.Lost:N0} ({result.LostTold:N0} told)");
        if (result.IsVerified)
        {
            Line(text, "duplicates", $"{result.Duplicates:N0}");
            Line(text, "reordered", $"{result.Reordered:N0}");
        }

        var daemon = result.CpuSecondsPerMillion.Daemon is { } cpu
            ? string.Create(CultureInfo.InvariantCulture, $"daemons {cpu:0.000}, ")
            : string.Empty;
        Line(text, "CPU", $"{daemon}all {result.CpuSecondsPerMillion.All:0.000} s for a million deliveries");
    }

    private static void Line(StringBuilder text, string name, FormattableString value) =>
        text.Append("  ").Append(name.PadRight(15)).Append(value.ToString(CultureInfo.InvariantCulture)).Append('\n');

    private static void Line(StringBuilder text, string name, string value) =>
        text.Append("  ").Append(name.PadRight(15)).Append(value).Append('\n');
}
