namespace NexusD.Protocol;

/// <summary>
/// Why events were dropped: in gap notices and as metric label (docs/protocol/README.md "Drop reasons"). Numbers are
/// frozen.
/// </summary>
public enum DropReason : ushort
{
    /// <summary>Nothing was dropped.</summary>
    None = 0,

    /// <summary>The subscription's queue was full; the oldest event was dropped.</summary>
    QueueFull = 1,

    /// <summary>The queue of the link to the subscriber's node was full.</summary>
    LinkFull = 2,

    /// <summary>The time to live ran out in a queue.</summary>
    Expired = 3,

    /// <summary>The link went down with the events in flight.</summary>
    LinkLost = 4,

    /// <summary>The payload was above a limit on the way.</summary>
    TooLarge = 5,

    /// <summary>The same (publisher, number) had come before: not a loss, never part of a gap notice.</summary>
    Duplicate = 6,
}
