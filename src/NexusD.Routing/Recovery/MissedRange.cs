namespace NexusD.Routing.Recovery;

/// <summary>Numbers of a publisher among which a resumed subscription has missed events.</summary>
internal struct MissedRange
{
    public ulong From;
    public ulong To;
    public ulong Count;

    /// <summary>Adds a part; parts may overlap.</summary>
    public void Add(ulong from, ulong to, ulong count)
    {
        From = Count == 0 ? from : Math.Min(From, from);
        To = Math.Max(To, to);
        Count += count;
    }

    /// <summary>How many numbers from <paramref name="from"/> to <paramref name="to"/> lie in the range.</summary>
    public readonly ulong Overlap(ulong from, ulong to)
    {
        ulong low = Math.Max(From, from);
        ulong high = Math.Min(To, to);
        return high < low ? 0 : high - low + 1;
    }
}
