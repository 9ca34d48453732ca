namespace NexusdBench.History;

/// <summary>What became of a publisher's events at one subscription. Adds up: wanted = delivered + missing.</summary>
internal sealed class PairFigures
{
    /// <summary>Events that the subscription asked for, from the first that it has to get on.</summary>
    internal long Wanted { get; set; }

    internal long Delivered { get; set; }

    /// <summary>Missing ones that were told as lost.</summary>
    internal long Told { get; set; }

    /// <summary>Missing ones that a publisher could not hand to its daemon for certain, and nobody has.</summary>
    internal long InDoubt { get; set; }

    /// <summary>Missing ones that went with the publisher's daemon when it died.</summary>
    internal long Crashed { get; set; }

    /// <summary>Missing ones that were published while the subscriber was not connected.</summary>
    internal long Away { get; set; }

    /// <summary>Missing ones that nothing explains.</summary>
    internal long Unaccounted { get; set; }

    /// <summary>Retained events that came out of order by repair.</summary>
    internal long Repaired { get; set; }

    internal void Add(PairFigures other)
    {
        Wanted += other.Wanted;
        Delivered += other.Delivered;
        Told += other.Told;
        InDoubt += other.InDoubt;
        Crashed += other.Crashed;
        Away += other.Away;
        Unaccounted += other.Unaccounted;
        Repaired += other.Repaired;
    }
}
