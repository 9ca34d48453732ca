namespace NexusD.Protocol;

/// <summary>How the member of a group that gets an event is chosen (docs/protocol/topics.md "Groups"). Numbers are
/// frozen.</summary>
public enum GroupStrategy : byte
{
    /// <summary>By topic: every node chooses the same member for the same topic.</summary>
    Sticky = 0,

    /// <summary>One after the other, counted by the publisher's node.</summary>
    RoundRobin = 1,

    /// <summary>The member for which the least waits, as far as the publisher's node sees it.</summary>
    LeastPending = 2,

    /// <summary>A member at the publisher's node if there is one, by topic; else one elsewhere, by topic.</summary>
    LocalFirst = 3,
}
