namespace NexusD.Protocol;

/// <summary>
/// What a full subscription does with the next event (docs/protocol/app-v1.md "SUBSCRIBE"). Numbers are frozen.
/// </summary>
public enum OverflowPolicy : byte
{
    /// <summary>Makes room by dropping the events that waited longest.</summary>
    DropOldest = 0,

    /// <summary>Drops what comes until there is room again.</summary>
    DropNewest = 1,

    /// <summary>Holds the publisher up until there is room, or for the time-out.</summary>
    Block = 2,

    /// <summary>Keeps the latest event of each topic only, also while there is room; then as the first.</summary>
    Conflate = 3,
}
