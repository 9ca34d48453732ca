using NexusD.Protocol;
using NexusD.Protocol.Topics;

namespace NexusD.Routing.Groups;

/// <summary>
/// A group as this node knows it: its members here and at peers, and how one of them is chosen. It stands in a trie of
/// its own under its filter, which is why it is a target; nothing is ever delivered to it as such.
/// </summary>
/// <remarks>
/// Invariants: a member knows its place; the strategy is the highest that any member asks for, so that all nodes agree
/// whatever the order in which they heard of the members.
/// </remarks>
internal sealed class Group(GroupFilter filter) : DeliveryTarget
{
    private readonly List<GroupMember> _members = [];
    private readonly int[] _asked = new int[GroupStrategyNames.All.Count];
    private int _cursor;

    public GroupFilter Filter { get; } = filter;

    public int Count => _members.Count;

    /// <summary>Members that are subscriptions of this node.</summary>
    public int LocalCount { get; private set; }

    public GroupStrategy Strategy { get; private set; }

    /// <summary>Whether the topic alone decides, as long as the members stay the same.</summary>
    public bool IsByTopic => Strategy is GroupStrategy.Sticky or GroupStrategy.LocalFirst;

    public void Add(GroupMember member)
    {
        member.Index = _members.Count;
        _members.Add(member);
        LocalCount += member.IsLocal ? 1 : 0;
        _asked[(int)member.Strategy]++;
        Strategy = Highest();
    }

    public void Remove(GroupMember member, bool wasLocal)
    {
        GroupMember last = _members[^1];
        _members[member.Index] = last;
        last.Index = member.Index;
        _members.RemoveAt(_members.Count - 1);
        LocalCount -= wasLocal ? 1 : 0;
        _asked[(int)member.Strategy]--;
        Strategy = Highest();
    }

    /// <summary>The member that a topic belongs to; null when there is none at all.</summary>
    /// <param name="topic">FNV-1a hash of the name.</param>
    public GroupMember? ByTopic(ulong topic)
    {
        bool localFirst = Strategy == GroupStrategy.LocalFirst && LocalCount > 0;
        GroupMember? best = null;
        int bestRank = -1;
        ulong bestScore = 0;
        foreach (GroupMember member in _members)
        {
            int rank = (member.IsAvailable ? 2 : 0) + (localFirst && member.IsLocal ? 1 : 0);
            ulong score = Rendezvous.Score(topic, member.Seed);
            if (rank > bestRank || (rank == bestRank && score > bestScore))
            {
                (best, bestRank, bestScore) = (member, rank, score);
            }
        }

        return best;
    }

    /// <summary>The next one round; null when there is none at all.</summary>
    public GroupMember? Next()
    {
        GroupMember? next = null;
        for (int steps = _members.Count; steps > 0 && next is not { IsAvailable: true }; steps--)
        {
            _cursor = _cursor + 1 < _members.Count ? _cursor + 1 : 0;
            next = _members[_cursor];
        }

        return next;
    }

    /// <summary>The one for which the least waits, going round where several are equal; null when there is
    /// none.</summary>
    /// <param name="onlyLocal">Among the members of this node.</param>
    public GroupMember? LeastPending(bool onlyLocal)
    {
        GroupMember? best = null;
        long least = long.MaxValue;
        bool isAvailable = false;
        for (int steps = _members.Count; steps > 0; steps--)
        {
            _cursor = _cursor + 1 < _members.Count ? _cursor + 1 : 0;
            GroupMember member = _members[_cursor];
            long pending = member.Target.PendingBytes;
            if ((member.IsLocal || !onlyLocal)
                && (best is null
                    || (member.IsAvailable && !isAvailable)
                    || (member.IsAvailable == isAvailable && pending < least)))
            {
                (best, least, isAvailable) = (member, pending, member.IsAvailable);
            }
        }

        _cursor = best?.Index ?? 0;
        return best;
    }

    /// <summary>The member that gets the next event of a topic; null when there is none at all.</summary>
    public GroupMember? Choose(Topic topic) => Strategy switch
    {
        GroupStrategy.RoundRobin => Next(),
        GroupStrategy.LeastPending => LeastPending(onlyLocal: false),
        _ => ByTopic(Fnv1a64.Hash(topic.Utf8)),
    };

    public override void Deliver(in EventRun run, ref RouteEntry entry) =>
        throw new InvalidOperationException("a group is not delivered to, one of its members is");

    public override void DeliverGap(in GapNotice gap) =>
        throw new InvalidOperationException("a group is not told of gaps, its members are");

    private GroupStrategy Highest()
    {
        int highest = _asked.Length - 1;
        while (highest > 0 && _asked[highest] == 0)
        {
            highest--;
        }

        return (GroupStrategy)highest;
    }
}
