using NexusD.Protocol;

namespace NexusD.Routing;

/// <summary>A group at one moment, for status.</summary>
/// <param name="Filter">Its name and filter, as <c>$share/name/filter</c>.</param>
/// <param name="Strategy">How its members are chosen.</param>
/// <param name="LocalMembers">Members that are subscriptions of this node.</param>
/// <param name="PeerMembers">Members elsewhere.</param>
public readonly record struct GroupSnapshot(string Filter, GroupStrategy Strategy, int LocalMembers, int PeerMembers);
