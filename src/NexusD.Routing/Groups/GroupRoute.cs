namespace NexusD.Routing.Groups;

/// <summary>One group that wants one topic, and the member that was chosen for it last.</summary>
internal struct GroupRoute
{
    public Group Group;

    /// <summary>The choice by topic; holds while <see cref="Epoch"/> is that of the table.</summary>
    public GroupMember? Member;

    public long Epoch;

    /// <summary>What the member's target noted about the topic.</summary>
    public RouteEntry Entry;
}
