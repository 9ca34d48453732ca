using System.Text.Json.Serialization;

namespace NexusdBench;

/// <summary>What a run showed. The names in JSON are what scripts depend on.</summary>
internal sealed record BenchResult
{
    /// <summary>Events that publishers handed to the daemon in a second.</summary>
    public required double EventsPerSecond { get; init; }

    /// <summary>Events that subscribers got in a second, each subscriber counted.</summary>
    public required double DeliveriesPerSecond { get; init; }

    public required LatencyFigures LatencyUs { get; init; }

    /// <summary>Deliveries that never came, over the whole run.</summary>
    public required long Lost { get; init; }

    /// <summary>Those of them that the daemon told the subscriber about.</summary>
    public required long LostTold { get; init; }

    public required long Duplicates { get; init; }

    public required long Reordered { get; init; }

    /// <summary>Whether the numbers of all events were checked; else only their count was.</summary>
    public required bool Verified { get; init; }

    public required CpuFigures CpuSecondsPerMillion { get; init; }

    /// <summary>Resident memory of the daemons at the end, in MB; null without --daemon-pid.</summary>
    public required double? DaemonRssMb { get; init; }

    [JsonIgnore]
    public bool IsGood => Lost == 0 && Duplicates == 0 && Reordered == 0;
}

/// <summary>Percentiles in microseconds.</summary>
internal sealed record LatencyFigures(
    double P50, double P90, double P99, double P999, double Max, [property: JsonIgnore] long Count);

/// <summary>CPU seconds for a million deliveries; the daemons' are null without --daemon-pid.</summary>
internal sealed record CpuFigures(double? Daemon, double All);
