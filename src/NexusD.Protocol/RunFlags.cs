namespace NexusD.Protocol;

/// <summary>
/// Flags of the frames that carry a run. Which frame may carry which is said at each; others are ignored.
/// </summary>
[Flags]
public enum RunFlags : byte
{
    None = 0,

    /// <summary>The last payload becomes the topic's retained event. PUBLISH, DELIVER, FORWARD.</summary>
    Retain = 1,

    /// <summary>In PUBLISH: answer with an ACK. In RETAINED the same bit says tombstone.</summary>
    Acknowledge = 2,

    /// <summary>From the retained store, not live. DELIVER.</summary>
    Retained = 4,

    /// <summary>
    /// From a recovery ring, or sent before and not confirmed by a subscriber that was away. DELIVER.
    /// </summary>
    Replayed = 8,
}
