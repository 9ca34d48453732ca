using System.Diagnostics.CodeAnalysis;
using NexusD.Protocol;
using NexusD.Protocol.Topics;
using NexusD.Routing.Topics;
using NexusD.Routing.Trie;

namespace NexusD.Routing.Groups;

/// <summary>All groups that this node knows, with their members here and at peers.</summary>
/// <remarks>
/// Invariants: a group is here, and in the trie under its filter, exactly while it has a member. <see cref="Epoch"/>
/// moves with each change after which another member may be chosen.
/// </remarks>
internal sealed class GroupTable(NodeId node, RouteVersions versions)
{
    /// <summary>So many members that left are remembered, for events that were on their way to them.</summary>
    private const int MostDeparted = 4096;

    private readonly Dictionary<GroupFilter, Group> _groups = [];
    private readonly Dictionary<uint, GroupMember> _local = [];
    private readonly Dictionary<uint, GroupFilter> _departed = [];
    private readonly Queue<uint> _departures = [];
    private uint _lastId;

    /// <summary>Finds the groups that want a topic.</summary>
    public TopicTrie Trie { get; } = new();

    public long Epoch { get; private set; } = 1;

    /// <summary>Groups with at least one member.</summary>
    public int Count => _groups.Count;

    /// <summary>Members that are subscriptions of this node.</summary>
    public IReadOnlyCollection<GroupMember> Local => _local.Values;

    /// <summary>Members of all nodes.</summary>
    public int Members { get; private set; }

    public IEnumerable<Group> All => _groups.Values;

    /// <summary>Something changed after which another member may be chosen.</summary>
    public void Rebalance() => Epoch++;

    public Group? Find(GroupFilter filter) => _groups.GetValueOrDefault(filter);

    /// <summary>A member of this node by its number.</summary>
    public bool TryGetLocal(uint id, [NotNullWhen(true)] out GroupMember? member) => _local.TryGetValue(id, out member);

    /// <summary>The group of a member of this node that left lately; null when there was none.</summary>
    public GroupFilter? FindDeparted(uint id) => _departed.GetValueOrDefault(id);

    /// <summary>A subscription of this node joins; null when it is a member already.</summary>
    public GroupMember? Join(DeliveryTarget target, GroupFilter filter, GroupStrategy strategy)
    {
        MemberSet set = target.Members ??= new MemberSet();
        foreach (GroupMember other in set.ById.Values)
        {
            if (other.Group.Filter.Equals(filter))
            {
                return null;
            }
        }

        do
        {
            _lastId++;
        }
        while (_lastId == 0 || _local.ContainsKey(_lastId));

        GroupMember member = Add(target, filter, _lastId, Rendezvous.SeedOf(node, _lastId), strategy);
        _local.Add(member.Id, member);
        return member;
    }

    /// <summary>A peer told of a member. False when it did so before.</summary>
    public bool Add(DeliveryTarget link, NodeId peer, GroupFilter filter, uint id, GroupStrategy strategy)
    {
        link.Members ??= new MemberSet();
        if (link.Members.ById.ContainsKey(id))
        {
            return false;
        }

        Add(link, filter, id, Rendezvous.SeedOf(peer, id), strategy);
        return true;
    }

    /// <summary>Takes one membership of a target away.</summary>
    public void Remove(GroupMember member)
    {
        bool wasLocal = member.IsLocal;
        member.Target.Members!.ById.Remove(member.Id);
        Group group = member.Group;
        group.Remove(member, wasLocal);
        Members--;
        Epoch++;
        if (wasLocal)
        {
            _local.Remove(member.Id);
            Remember(member);
        }

        if (group.Count == 0)
        {
            _groups.Remove(group.Filter);
            Trie.Remove(group, group.Filter.Filter.Canonical, out _);
            versions.Change(group.Filter.Filter.Canonical);
        }
    }

    private GroupMember Add(DeliveryTarget target, GroupFilter filter, uint id, ulong seed, GroupStrategy strategy)
    {
        if (!_groups.TryGetValue(filter, out Group? group))
        {
            group = new Group(filter);
            _groups.Add(filter, group);
            Trie.Add(group, filter.Filter.Canonical, out _);
            versions.Change(filter.Filter.Canonical);
        }

        var member = new GroupMember(group, target, id, seed, strategy);
        group.Add(member);
        target.Members!.ById.Add(id, member);
        Members++;
        Epoch++;
        return member;
    }

    private void Remember(GroupMember member)
    {
        if (_departed.TryAdd(member.Id, member.Group.Filter))
        {
            _departures.Enqueue(member.Id);
        }

        if (_departures.Count > MostDeparted)
        {
            _departed.Remove(_departures.Dequeue());
        }
    }
}
