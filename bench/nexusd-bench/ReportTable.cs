using System.Globalization;
using System.Text;

namespace NexusdBench;

/// <summary>The result for people.</summary>
internal static class ReportTable
{
    internal static string Format(BenchOptions options, BenchResult result)
    {
        var text = new StringBuilder();
        var latency = result.LatencyUs;
        text.Append(
            CultureInfo.InvariantCulture, $"{options.Publishers} publishers, {options.Subscribers} subscribers, ");
        text.Append(CultureInfo.InvariantCulture, $"{options.Topics} topics, {options.Payload} bytes\n");
        Line(text, "events", $"{result.EventsPerSecond:N0} /s");
        Line(text, "deliveries", $"{result.DeliveriesPerSecond:N0} /s");
        if (latency.Count > 0)
        {
            Line(text, "latency", $"p50 {latency.P50:N1}  p90 {latency.P90:N1}  p99 {latency.P99:N1}  "
                + $"p99.9 {latency.P999:N1}  max {latency.Max:N1} us  ({latency.Count:N0} timed)");
        }

        Line(text, "lost", $"{result.Lost:N0} ({result.LostTold:N0} told)");
        if (result.Verified)
        {
            Line(text, "duplicates", $"{result.Duplicates:N0}");
            Line(text, "reordered", $"{result.Reordered:N0}");
        }

        var daemon = result.CpuSecondsPerMillion.Daemon is { } cpu ? $"daemon {cpu:0.000}, " : string.Empty;
        Line(text, "CPU", $"{daemon}all {result.CpuSecondsPerMillion.All:0.000} s for a million deliveries");
        if (result.DaemonRssMb is { } memory)
        {
            Line(text, "daemon memory", $"{memory:0.0} MB");
        }

        return text.ToString();
    }

    private static void Line(StringBuilder text, string name, FormattableString value) =>
        text.Append(name.PadRight(15)).Append(value.ToString(CultureInfo.InvariantCulture)).Append('\n');

    private static void Line(StringBuilder text, string name, string value) =>
        text.Append(name.PadRight(15)).Append(value).Append('\n');
}
