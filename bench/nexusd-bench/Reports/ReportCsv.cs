using System.Globalization;
using System.Text;

namespace NexusdBench;

/// <summary>The results as comma-separated values: a line of names, then a line for each result.</summary>
internal static class ReportCsv
{
    internal const string Names =
        "scenario,run,events_per_second,deliveries_per_second,p50_us,p90_us,p99_us,p999_us,max_us,lost,duplicates,"
        + "reordered,daemon_cpu_s_per_million,all_cpu_s_per_million,daemon_rss_mb";

    internal static string Format(string scenario, IReadOnlyList<BenchResult> results)
    {
        var text = new StringBuilder(Names).Append('\n');
        foreach (var r in results)
        {
            var l = r.LatencyUs;
            text.Append(CultureInfo.InvariantCulture, $"{scenario},\"{r.Title}\",");
            text.Append(CultureInfo.InvariantCulture, $"{r.EventsPerSecond},{r.DeliveriesPerSecond},");
            text.Append(CultureInfo.InvariantCulture, $"{l.P50},{l.P90},{l.P99},{l.P999},{l.Max},");
            text.Append(CultureInfo.InvariantCulture, $"{r.Lost},{r.Duplicates},{r.Reordered},");
            text.Append(CultureInfo.InvariantCulture, $"{r.CpuSecondsPerMillion.Daemon},{r.CpuSecondsPerMillion.All},");
            text.Append(CultureInfo.InvariantCulture, $"{r.DaemonRssMb}\n");
        }

        return text.ToString();
    }
}
