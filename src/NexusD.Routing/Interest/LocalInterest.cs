using NexusD.Protocol.Topics;
using NexusD.Routing.Trie;

namespace NexusD.Routing.Interest;

/// <summary>
/// The set of filters that subscriptions of this node want, each once however many share it: what peers are told
/// (docs/protocol/peer-v1.md, "INTEREST").
/// </summary>
/// <remarks>
/// A view of the trie of local subscriptions plus the digest; nothing is stored twice. Invariant: <see cref="Digest"/>
/// is the XOR of the FNV-1a hashes of all filters.
/// </remarks>
public sealed class LocalInterest
{
    private readonly TopicTrie _subscriptions;

    internal LocalInterest(TopicTrie subscriptions) => _subscriptions = subscriptions;

    /// <summary>XOR of the 64-bit FNV-1a hashes of all filters; 0 when there are none.</summary>
    public ulong Digest { get; private set; }

    /// <summary>Number of different filters.</summary>
    public int Count => _subscriptions.Filters;

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
