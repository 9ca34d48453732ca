using System.Text.Json.Serialization;

namespace NexusdBench;

/// <summary>What a run showed. The names in JSON are what scripts depend on.</summary>
internal sealed record BenchResult
{
    /// <summary>What is special about this run.</summary>
    [JsonIgnore]
    public required string Title { get; init; }

    /// <summary>Events that publishers handed to the daemon in a second.</summary>
    public required double EventsPerSecond { get; init; }

    /// <summary>Events that subscribers got in a second, each subscriber counted.</summary>
    public required double DeliveriesPerSecond { get; init; }

    public required LatencyFigures LatencyUs { get; init; }

    /// <summary>Deliveries that never came, over the whole run.</summary>
    public required long Lost { get; init; }

    /// <summary>Those of them that the daemon told the subscriber about.</summary>
    [JsonIgnore]
    public required long LostTold { get; init; }

    public required long Duplicates { get; init; }

    public required long Reordered { get; init; }

    /// <summary>Whether the numbers of all events were checked; else only their count was.</summary>
    [JsonIgnore]
    public required bool IsVerified { get; init; }

    public required CpuFigures CpuSecondsPerMillion { get; init; }

    /// <summary>Resident memory of the daemons at the end, in MB; null where none is measured.</summary>
    public required double? DaemonRssMb { get; init; }

    /// <summary>Only of <c>idle</c>: what a connection and a peer cost.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public MemoryFigures? IdleKb { get; init; }

    /// <summary>The daemons one by one.</summary>
    [JsonIgnore]
    public required IReadOnlyList<DaemonFigures> Daemons { get; init; }

    [JsonIgnore]
    public bool IsGood => Lost == 0 && Duplicates == 0 && Reordered == 0;
}
