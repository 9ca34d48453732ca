using NexusD.Protocol;
using NexusD.Protocol.Topics;
using NexusD.Routing.Groups;
using NexusD.Routing.Trie;

namespace NexusD.Routing.Interest;

/// <summary>
/// The set of filters that subscriptions of this node want, each once however many share it: what peers are told
/// (docs/protocol/peer-v1.md, "INTEREST").
/// </summary>
/// <remarks>
/// A view of the trie of local subscriptions plus the digest; nothing is stored twice. Invariant: <see cref="Digest"/>
/// is the XOR of the FNV-1a hashes of all filters and members.
/// </remarks>
public sealed class LocalInterest
{
    private readonly TopicTrie _subscriptions;
    private readonly GroupTable _groups;

    internal LocalInterest(TopicTrie subscriptions, GroupTable groups)
    {
        _subscriptions = subscriptions;
        _groups = groups;
    }

    /// <summary>XOR of the 64-bit FNV-1a hashes of all filters and members; 0 when there are none.</summary>
    public ulong Digest { get; private set; }

    /// <summary>Number of different filters and of members of groups.</summary>
    public int Count => _subscriptions.Filters + _groups.Local.Count;

    /// <summary>Who is told of changes; one at a time, null for nobody.</summary>
    public ILocalInterestListener? Listener { get; set; }

    /// <summary>All filters as they are now, in no order; a copy.</summary>
    public List<TopicFilter> List()
    {
        List<byte[]> texts = _subscriptions.ListFilters();
        var filters = new List<TopicFilter>(texts.Count);
        foreach (byte[] text in texts)
        {
            filters.Add(Parse(text));
        }

        return filters;
    }

    /// <summary>All members of groups among this node's subscriptions, in no order; a copy.</summary>
    public List<LocalMember> ListMembers() =>
        [.. _groups.Local.Select(member => new LocalMember(member.Group.Filter, member.Id, member.Strategy))];

    internal void Told(GroupFilter filter, uint member, GroupStrategy strategy, bool joined)
    {
        Digest ^= filter.MemberHash(member, strategy);
        Listener?.OnMember(new LocalMember(filter, member, strategy), joined);
    }

    internal void Added(TopicFilter filter)
    {
        Digest ^= filter.Hash;
        Listener?.OnFilterAdded(filter);
    }

    internal void Removed(TopicFilter filter)
    {
        Digest ^= filter.Hash;
        Listener?.OnFilterRemoved(filter);
    }

    internal void Removed(byte[] canonical) => Removed(Parse(canonical));

    private static TopicFilter Parse(byte[] canonical)
    {
        TopicFilter.TryParse(canonical, out TopicFilter? filter);
        return filter ?? throw new InvalidOperationException("the trie holds a filter that is none");
    }
}
