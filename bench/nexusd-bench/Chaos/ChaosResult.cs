namespace NexusdBench.Chaos;

/// <summary>What a run showed. The names in JSON are what scripts depend on; counts are deliveries.</summary>
internal sealed record ChaosResult
{
    public required bool Good { get; init; }

    public required int Seed { get; init; }

    public required double Seconds { get; init; }

    public required int Faults { get; init; }

    /// <summary>Events of all publishers.</summary>
    public required long Published { get; init; }

    /// <summary>Deliveries that had to be made: delivered + told + excused + unaccounted.</summary>
    public required long Wanted { get; init; }

    public required long Delivered { get; init; }

    public required long Told { get; init; }

    public required long ExcusedInDoubt { get; init; }

    public required long ExcusedCrash { get; init; }

    public required long ExcusedAway { get; init; }

    public required long Unaccounted { get; init; }

    /// <summary>Retained events that came behind later ones, by repair.</summary>
    public required long Repaired { get; init; }

    public required long Violations { get; init; }

    public required IReadOnlyList<string> FirstViolations { get; init; }
}
