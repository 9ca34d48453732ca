namespace NexusD.Routing.Retained;

/// <summary>What became of a retained event that was offered to the store.</summary>
public enum RetainedOutcome
{
    /// <summary>It is the newest of its topic and was kept; for a deletion: the topic is deleted.</summary>
    Kept,

    /// <summary>
    /// It is the newest of its topic, but its time to live is over: what the topic had is gone, and only the memory of
    /// the event is kept. Nobody is to get it.
    /// </summary>
    KeptExpired,

    /// <summary>The store has the same or a newer one; nothing changed.</summary>
    Older,

    /// <summary>It was out of date for so long when it came that nothing is kept of it.</summary>
    Expired,

    /// <summary>There was no room; the topic has no retained event now, because what it had is out of date.</summary>
    Refused,

    /// <summary>
    /// Its timestamp is too far ahead of this node's clock; nothing changed. It may be offered again later.
    /// </summary>
    TooFarAhead,
}
