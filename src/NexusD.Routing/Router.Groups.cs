using NexusD.Protocol;
using NexusD.Protocol.Peer;
using NexusD.Protocol.Topics;
using NexusD.Routing.Groups;
using NexusD.Routing.Interest;
using NexusD.Routing.Publishers;
using NexusD.Routing.Trie;

namespace NexusD.Routing;

/// <content>
/// Groups: each event of a group goes to one of its members, wherever that is. The node of the publisher chooses; the
/// node of the member hands over, or sends on when the member has left meanwhile.
/// </content>
public sealed partial class Router
{
    /// <summary>So often a run is sent on because its member was gone when it came.</summary>
    private const int MostRedirects = 4;

    private readonly GroupTable _groups;
    private readonly MatchList _groupMatches = new();
    private GroupMember?[] _chosen = new GroupMember?[4];
    private long _cachedGroupRoutes;
    private long _redirectedEvents;
    private long _noMemberEvents;

    /// <summary>Makes a target a member of a group: it gets those of the events that fall to it.</summary>
    /// <returns>False when it is one already.</returns>
    public bool Join(DeliveryTarget target, GroupFilter filter, GroupStrategy strategy)
    {
        if (target.IsLink)
        {
            throw new ArgumentException("a link tells of members, it is none", nameof(target));
        }

        if (_groups.Join(target, filter, strategy) is not { } member)
        {
            return false;
        }

        _localTargets.Add(target);
        LocalInterest.Told(filter, member.Id, strategy, joined: true);
        return true;
    }

    /// <summary>A peer has a member of a group.</summary>
    /// <returns>False when it said so before, which breaks the protocol.</returns>
    public bool AddMember(DeliveryTarget link, NodeId peer, GroupFilter filter, uint member, GroupStrategy strategy) =>
        link.IsLink && _groups.Add(link, peer, filter, member, strategy);

    /// <summary>A peer has a member of a group no longer.</summary>
    public void RemoveMember(DeliveryTarget link, uint member)
    {
        if (link.IsLink && link.Members?.ById.TryGetValue(member, out GroupMember? known) == true)
        {
            _groups.Remove(known);
        }
    }

    /// <summary>
    /// Whether the node behind a link seems to hear. While it does not, its members are chosen only where a group has
    /// no others.
    /// </summary>
    public void SetAvailable(DeliveryTarget link, bool isAvailable)
    {
        if (link.IsLink && (link.Members ??= new MemberSet()).IsUnavailable == isAvailable)
        {
            link.Members.IsUnavailable = !isAvailable;
            _groups.Rebalance();
        }
    }

    /// <summary>
    /// Whether a subscription of this node takes nothing for a while. Meanwhile it is chosen only where its groups have
    /// no other member.
    /// </summary>
    public void SetAway(DeliveryTarget target, bool isAway)
    {
        if (!target.IsLink && target.Members is { } members && members.IsUnavailable != isAway)
        {
            members.IsUnavailable = isAway;
            _groups.Rebalance();
        }
    }

    /// <summary>
    /// Takes a run that a peer sent for members of groups at this node, and for whoever else here wants it unless
    /// <paramref name="membersOnly"/>.
    /// </summary>
    /// <param name="run">The run.</param>
    /// <param name="members">Their numbers, as FORWARD lists them.</param>
    /// <param name="membersOnly">
    /// A part of it, or sent on by another node: not a duplicate although numbers of its publisher have gone further.
    /// </param>
    /// <param name="redirects">How often it was sent on.</param>
    public void PublishFromPeer(in EventRun run, ReadOnlySpan<byte> members, bool membersOnly, int redirects)
    {
        PublisherRecord record = Publishers.GetOrAdd(run.Publisher);
        int duplicates = membersOnly ? 0 : record.Duplicates(run.Number, run.Count, run.Priority);
        _duplicateEvents += duplicates;
        if (duplicates == run.Count)
        {
            return;
        }

        EventRun left = run.Skip(duplicates);
        _receivedEvents += left.Count;
        ulong served = ++_stamp;
        if (!membersOnly)
        {
            record.Advance(run.Number, run.Count, run.Priority);
            if (!WasRepaired(left))
            {
                DeliverLocally(left, record);
            }
            else if (left.Count > 1)
            {
                DeliverLocally(left.Take(left.Count - 1), record);
            }

            Topic topic = Living(run.Topic);
            RouteView route = Resolve(topic);
            served = ++_stamp;
            for (int i = 0; i < route.Local; i++)
            {
                route.Entries[i].Target.Stamp = served;
            }
        }

        for (int i = 0; i < members.Length / ForwardFrame.MemberBytes; i++)
        {
            HandToMember(left, record, ForwardFrame.Member(members, i), served, redirects);
        }
    }

    /// <summary>
    /// Gives a run that was meant for a member of this node, and that the member will never have, to another one.
    /// </summary>
    /// <param name="filters">The groups that it was a member of.</param>
    /// <param name="run">The run; borrowed for the call.</param>
    /// <param name="away">The member, where it has not left but takes nothing for a while.</param>
    /// <returns>False when nobody is left to take it.</returns>
    public bool Reroute(IReadOnlyList<GroupFilter> filters, in EventRun run, DeliveryTarget? away = null)
    {
        foreach (GroupFilter filter in filters)
        {
            if (filter.Filter.Matches(run.Topic.Utf8) && SendOn(filter, run, redirects: 1, away))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Adds up to <paramref name="most"/> groups to <paramref name="into"/>, in no order.</summary>
    public void CollectGroups(int most, List<GroupSnapshot> into)
    {
        foreach (Group group in _groups.All.Take(most))
        {
            into.Add(new GroupSnapshot(
                group.Filter.ToString(), group.Strategy, group.LocalCount, group.Count - group.LocalCount));
        }
    }

    private void LeaveGroups(DeliveryTarget target)
    {
        foreach (GroupMember member in target.Members?.ById.Values.ToArray() ?? [])
        {
            bool isLocal = member.IsLocal;
            _groups.Remove(member);
            if (isLocal)
            {
                LocalInterest.Told(member.Group.Filter, member.Id, member.Strategy, joined: false);
            }
        }

        target.Members = null;
    }

    /// <summary>Finds the groups that want a topic; remembers them with the topic unless there are too many.</summary>
    private GroupRoute[]? ResolveGroups(Topic topic, ReadOnlySpan<LevelPart> parts)
    {
        _groupMatches.Clear();
        _groups.Trie.Match(topic.Utf8, parts, _groupMatches);
        int count = _groupMatches.Count;
        if (count == 0)
        {
            SetGroups(topic, null);
            return null;
        }

        var routes = new GroupRoute[count];
        for (int i = 0; i < count; i++)
        {
            routes[i].Group = (Group)_groupMatches[i];
            foreach (ref readonly GroupRoute former in topic.Groups.AsSpan())
            {
                if (former.Group == routes[i].Group)
                {
                    routes[i] = former;
                }
            }
        }

        _groupMatches.Clear();
        SetGroups(topic, null);
        if (topic.RouteVersion != Topic.NoRoute && _cachedGroupRoutes + count <= _options.MaxRouteEntries)
        {
            SetGroups(topic, routes);
        }
        else
        {
            // Found anew for each run, as what has no room among the routes is.
            topic.RouteVersion = Topic.NoRoute;
            topic.HeldAt = Topic.NoRoute;
        }

        return routes;
    }

    private void SetGroups(Topic topic, GroupRoute[]? routes)
    {
        _cachedGroupRoutes += (routes?.Length ?? 0) - (topic.Groups?.Length ?? 0);
        topic.Groups = routes;
    }

    private PublishOutcome DispatchToGroups(in EventRun run, RouteView route)
    {
        // Where members take turns they share a run in equal parts, one behind the other.
        int parts = 1;
        foreach (ref readonly GroupRoute group in route.Groups.AsSpan())
        {
            parts = group.Group.IsByTopic ? parts : Math.Max(parts, group.Group.Count);
        }

        int size = (run.Count + parts - 1) / parts;
        var outcome = default(PublishOutcome);
        EventRun rest = run;
        while (rest.Count > size)
        {
            outcome = outcome.Or(DispatchPart(rest.Take(size), route));
            rest = rest.Skip(size);
        }

        return outcome.Or(DispatchPart(rest, route));
    }

    private PublishOutcome DispatchPart(in EventRun run, RouteView route)
    {
        Span<GroupRoute> groups = route.Groups;
        ChooseMembers(run.Topic, groups);
        ulong served = ++_stamp;
        int local = 0;
        int peers = 0;
        _isHandingOver = true;
        foreach (ref RouteEntry entry in route.Entries.AsSpan(0, route.Total))
        {
            DeliveryTarget target = entry.Target;
            target.Stamp = served;
            if (target.IsLink)
            {
                DeliverToLink(run, target, ref entry, groups.Length);
                peers++;
            }
            else
            {
                target.Deliver(run, ref entry);
                local++;
            }
        }

        for (int i = 0; i < groups.Length; i++)
        {
            if (_chosen[i] is not { } member || member.Target.Stamp == served)
            {
                continue;
            }

            member.Target.Stamp = served;
            ref RouteEntry entry = ref EntryFor(ref groups[i], member, ref _oneCall);
            if (member.Target.IsLink)
            {
                DeliverToLink(run, member.Target, ref entry, groups.Length);
                peers++;
            }
            else
            {
                member.Target.Deliver(run, ref entry);
                local++;
            }
        }

        Array.Clear(_chosen, 0, groups.Length);
        _isHandingOver = false;
        if ((run.Flags & RunFlags.Retain) != 0)
        {
            _now = Math.Max(_now, run.Timestamp);
            Retain(run);
            peers += DeliverToUnstampedPeers(run, served);
        }

        return Count(run, local, peers);
    }

    private void ChooseMembers(Topic topic, Span<GroupRoute> groups)
    {
        if (_chosen.Length < groups.Length)
        {
            _chosen = new GroupMember?[groups.Length * 2];
        }

        for (int i = 0; i < groups.Length; i++)
        {
            ref GroupRoute route = ref groups[i];
            if (!route.Group.IsByTopic)
            {
                _chosen[i] = route.Group.Choose(topic);
                continue;
            }

            if (route.Epoch != _groups.Epoch)
            {
                route.Epoch = _groups.Epoch;
                route.Member = route.Group.Choose(topic);
            }

            _chosen[i] = route.Member;
        }
    }

    // An entry that is gone after the call; a field, so that a reference to it can be passed on.
    private RouteEntry _oneCall;

    /// <summary>
    /// Where a member's target keeps what it notes on the topic: with the group as long as the choice is by topic.
    /// </summary>
    private static ref RouteEntry EntryFor(ref GroupRoute route, GroupMember member, ref RouteEntry oneCall)
    {
        if (!route.Group.IsByTopic)
        {
            oneCall = RouteEntry.ForOneCall(member.Target);
            return ref oneCall;
        }

        if (route.Entry.Target != member.Target)
        {
            route.Entry = new RouteEntry { Target = member.Target };
        }

        return ref route.Entry;
    }

    /// <summary>Hands a run to a link once, with the members behind it that were chosen.</summary>
    private void DeliverToLink(in EventRun run, DeliveryTarget link, ref RouteEntry entry, int groups)
    {
        Span<uint> members = stackalloc uint[ForwardFrame.MaxMembers];
        int count = 0;
        bool isPart = false;
        for (int i = 0; i < groups; i++)
        {
            if (_chosen[i] is not { } member || member.Target != link)
            {
                continue;
            }

            if (count == members.Length)
            {
                link.DeliverToMembers(run, ref entry, members, isPart, 0);
                isPart = true;
                count = 0;
            }

            members[count++] = member.Id;
        }

        if (count > 0)
        {
            link.DeliverToMembers(run, ref entry, members[..count], isPart, 0);
        }
        else
        {
            link.Deliver(run, ref entry);
        }
    }

    private void HandToMember(in EventRun run, PublisherRecord record, uint id, ulong served, int redirects)
    {
        if (!_groups.TryGetLocal(id, out GroupMember? member))
        {
            if (redirects >= MostRedirects
                || _groups.FindDeparted(id) is not { } filter
                || !SendOn(filter, run, redirects + 1))
            {
                _noMemberEvents += run.Count;
                LossListener?.OnLost(run.Publisher, run.Number, run.Count, DropReason.NoMember);
            }

            return;
        }

        if (member.Group.Strategy == GroupStrategy.LeastPending)
        {
            member = member.Group.LeastPending(onlyLocal: true)!;
        }

        if (!member.IsAvailable
            && redirects < MostRedirects
            && SendOn(member.Group.Filter, run, redirects + 1, member.Target))
        {
            return; // it is away, which its publisher's node does not know
        }

        DeliveryTarget target = member.Target;
        if (target.Stamp == served)
        {
            return; // has it already, as a member of another group or for a filter of its own
        }

        target.Stamp = served;
        if (target.Slot >= 0)
        {
            record.MarkDelivered(target.Slot);
            _anyPublisher.MarkDelivered(target.Slot);
        }

        ref RouteEntry entry = ref EntryAt(run.Topic, member);
        bool wasHandingOver = _isHandingOver;
        _isHandingOver = true;
        target.Deliver(run, ref entry);
        _isHandingOver = wasHandingOver;
        _deliveredLocal += run.Count;
    }

    private ref RouteEntry EntryAt(Topic topic, GroupMember member)
    {
        foreach (ref GroupRoute route in topic.Groups.AsSpan())
        {
            if (route.Group == member.Group)
            {
                return ref EntryFor(ref route, member, ref _oneCall);
            }
        }

        _oneCall = RouteEntry.ForOneCall(member.Target);
        return ref _oneCall;
    }

    /// <summary>Gives a run to another member of a group, here or elsewhere; false when there is none.</summary>
    private bool SendOn(GroupFilter filter, in EventRun run, int redirects, DeliveryTarget? away = null)
    {
        if (_groups.Find(filter)?.Choose(run.Topic) is not { } member
            || (away is not null && (member.Target == away || !member.IsAvailable)))
        {
            return false;
        }

        // May happen while other runs are handed over: a target that fails ends its session, and that its queues.
        RouteEntry entry = RouteEntry.ForOneCall(member.Target);
        bool wasHandingOver = _isHandingOver;
        _isHandingOver = true;
        if (member.Target.IsLink)
        {
            member.Target.DeliverToMembers(run, ref entry, [member.Id], membersOnly: true, redirects);
            _deliveredPeer += run.Count;
        }
        else
        {
            member.Target.Deliver(run, ref entry);
            _deliveredLocal += run.Count;
        }

        _isHandingOver = wasHandingOver;
        _redirectedEvents += run.Count;
        return true;
    }
}
