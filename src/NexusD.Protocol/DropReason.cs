namespace NexusD.Protocol;

/// <summary>
/// Why events were dropped: in gap notices and as metric label (docs/protocol/README.md "Drop reasons"). Numbers are
/// frozen.
/// </summary>
public enum DropReason : ushort
{
    /// <summary>Nothing was dropped.</summary>
    None = 0,

    /// <summary>The subscription's queue was full; its policy says which event was dropped.</summary>
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

    /// <summary>A full subscription held its publisher up for as long as it may, and still had no room.</summary>
    BlockTimeout = 7,

    /// <summary>A newer event of the topic took its place, as the subscription asked.</summary>
    Conflated = 8,

    /// <summary>The node's memory budget was used up.</summary>
    Memory = 9,

    /// <summary>The group had no member that could take the event.</summary>
    NoMember = 10,

    /// <summary>The event still waited when its subscription or session ended.</summary>
    SessionClosed = 11,

    /// <summary>The event was held for a node that could not be reached, and was given up.</summary>
    LinkDown = 12,

    /// <summary>Published while the subscriber was away, and in no recovery ring of this node (any more).</summary>
    Missed = 13,
}
