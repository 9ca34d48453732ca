namespace NexusD.Routing.Groups;

/// <summary>The memberships of one target by number, and what is known of the node behind a link.</summary>
internal sealed class MemberSet
{
    public Dictionary<uint, GroupMember> ById { get; } = [];

    /// <summary>The link's node does not seem to hear: its members are chosen only where there are no others.</summary>
    public bool IsUnavailable { get; set; }
}
