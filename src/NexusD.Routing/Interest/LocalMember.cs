using NexusD.Protocol;
using NexusD.Protocol.Topics;

namespace NexusD.Routing.Interest;

/// <summary>A subscription of this node that is a member of a group, as peers are told of it.</summary>
/// <param name="Filter">The group.</param>
/// <param name="Member">Its number at this node, not 0; not given again soon.</param>
/// <param name="Strategy">What it asks for.</param>
public readonly record struct LocalMember(GroupFilter Filter, uint Member, GroupStrategy Strategy);
