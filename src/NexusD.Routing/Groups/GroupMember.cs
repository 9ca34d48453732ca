using NexusD.Protocol;

namespace NexusD.Routing.Groups;

/// <summary>
/// One member of a group: a subscription of this node, or one that a peer told of, which stands behind its link.
/// </summary>
internal sealed class GroupMember(Group group, DeliveryTarget target, uint id, ulong seed, GroupStrategy strategy)
{
    public Group Group { get; } = group;

    /// <summary>The subscription, or the link to its node.</summary>
    public DeliveryTarget Target { get; } = target;

    /// <summary>Its number at its node; not 0.</summary>
    public uint Id { get; } = id;

    /// <summary>See <see cref="Rendezvous.SeedOf"/>.</summary>
    public ulong Seed { get; } = seed;

    /// <summary>What it asks for.</summary>
    public GroupStrategy Strategy { get; } = strategy;

    /// <summary>Place among the members of its group.</summary>
    public int Index { get; set; }

    public bool IsLocal => !Target.IsLink;

    /// <summary>False while the member's node does not seem to hear, or the member is away.</summary>
    public bool IsAvailable => Target.Members is not { IsUnavailable: true };
}
