using System.Text.Json.Serialization;

namespace NexusdBench;

/// <summary>Percentiles in microseconds.</summary>
internal sealed record LatencyFigures(
    double P50, double P90, double P99, double P999, double Max, [property: JsonIgnore] long Count)
{
    internal static LatencyFigures None { get; } = new(0, 0, 0, 0, 0, 0);

    internal static LatencyFigures Of(LatencyHistogram latency) => new(
        Microseconds(latency.Percentile(0.5)),
        Microseconds(latency.Percentile(0.9)),
        Microseconds(latency.Percentile(0.99)),
        Microseconds(latency.Percentile(0.999)),
        Microseconds(latency.MaxNs),
        latency.Count);

    private static double Microseconds(long nanoseconds) => Math.Round(nanoseconds / 1000.0, 1);
}
