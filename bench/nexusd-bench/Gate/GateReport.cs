using System.Globalization;

namespace NexusdBench.Gate;

/// <summary>The one line that each party prints, with the names that the runner of a comparison reads.</summary>
internal static class GateReport
{
    internal static string Subscriber(SubscriberFigures f) => string.Create(
        CultureInfo.InvariantCulture,
        $"{{\"role\":\"sub\",\"received\":{f.Received},\"lost\":{f.Lost},\"secs\":{f.Seconds:0.0000},"
        + $"\"rate\":{f.Rate:0},\"cpu_s\":{f.CpuSeconds:0.000},\"rss_kb\":{ProcessFigures.OwnResidentKilobytes},"
        + $"\"lat\":{Delays(f.Sent)}{(f.Due is { } due ? $",\"lat_sched\":{Delays(due)}" : "")}}}");

    internal static string Publisher(ulong sent, double seconds, double cpuSeconds, int stalls) => string.Create(
        CultureInfo.InvariantCulture,
        $"{{\"role\":\"pub\",\"sent\":{sent},\"secs\":{seconds:0.0000},\"rate\":{sent / seconds:0},"
        + $"\"cpu_s\":{cpuSeconds:0.000},\"stalls\":{stalls},\"rss_kb\":{ProcessFigures.OwnResidentKilobytes}}}");

    internal static string Connections(int count, double seconds) => string.Create(
        CultureInfo.InvariantCulture, $"{{\"role\":\"conns\",\"n\":{count},\"secs\":{seconds:0.000}}}");

    private static string Delays(DelayFigures d) => string.Create(
        CultureInfo.InvariantCulture,
        $"{{\"n\":{d.Count},\"p50_us\":{d.P50:0.0},\"p90_us\":{d.P90:0.0},\"p99_us\":{d.P99:0.0},"
        + $"\"p999_us\":{d.P999:0.0},\"max_us\":{d.Max:0.0}}}");
}

/// <summary>Percentiles in microseconds of so many delays.</summary>
internal readonly record struct DelayFigures(int Count, double P50, double P90, double P99, double P999, double Max);

/// <summary>What a subscriber saw; the rate is that between the first and the last stamped event.</summary>
internal sealed record SubscriberFigures
{
    internal required ulong Received { get; init; }

    internal required long Lost { get; init; }

    internal required double Seconds { get; init; }

    internal required double Rate { get; init; }

    internal required double CpuSeconds { get; init; }

    /// <summary>Delays from the send.</summary>
    internal required DelayFigures Sent { get; init; }

    /// <summary>Delays from when events were due; null at full speed.</summary>
    internal required DelayFigures? Due { get; init; }
}
