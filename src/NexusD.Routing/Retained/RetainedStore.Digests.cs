using NexusD.Protocol.Peer;

namespace NexusD.Routing.Retained;

/// <summary>Digests of parts of the store, so that two nodes find what differs without telling all they have.</summary>
/// <remarks>
/// Topics are divided into 4,096 leaves by a hash, not by their levels: whatever the names look like the leaves stay
/// about equally full, a write costs one XOR per level (leaf, group, all), and a difference is found by two lists of 64
/// digests and one of some 25 entries in a store of 100,000. A tree along the levels has branches of any width and
/// depth, and would tell long prefixes again and again.
/// </remarks>
public sealed partial class RetainedStore
{
    private readonly ulong[] _groupDigests = new ulong[RetainedDigestsFrame.Groups];
    private Leaf[]? _leaves;

    /// <summary>XOR over all entries, tombstones included, as in RETAINED_STATE.</summary>
    public ulong Digest { get; private set; }

    /// <summary>XOR over the entries of a group of leaves, 0 to 63.</summary>
    public ulong GroupDigest(int group) => _groupDigests[group];

    /// <summary>XOR over the entries of a leaf, 0 to 4,095.</summary>
    public ulong LeafDigest(int leaf) => _leaves is null ? 0 : _leaves[leaf].Digest;

    /// <summary>Adds what a list tells of each entry of a leaf.</summary>
    public void Describe(int leaf, List<RetainedListItem> into)
    {
        Expire(_now);
        for (RetainedEvent? entry = _leaves?[leaf].First; entry is not null; entry = entry.NextInLeaf)
        {
            into.Add(new RetainedListItem(entry.TopicHash, entry.Timestamp, entry.Digest));
        }
    }

    /// <summary>Adds the entries of a leaf, tombstones included.</summary>
    /// <param name="leaf">0 to 4,095.</param>
    /// <param name="topicHashes">Only entries of these topics; null: all.</param>
    /// <param name="into">Where to.</param>
    /// <returns>How many were looked at.</returns>
    public int CollectLeaf(int leaf, HashSet<ulong>? topicHashes, List<RetainedEvent> into)
    {
        Expire(_now);
        int seen = 0;
        for (RetainedEvent? entry = _leaves?[leaf].First; entry is not null; entry = entry.NextInLeaf)
        {
            seen++;
            if (topicHashes is null || topicHashes.Contains(entry.TopicHash))
            {
                entry.IsHandedOut = true;
                into.Add(entry);
            }
        }

        return seen;
    }

    /// <summary>Adds all entries, tombstones included, in no order.</summary>
    public void CollectAll(List<RetainedEvent> into)
    {
        into.EnsureCapacity(into.Count + Count);
        for (int leaf = 0; leaf < RetainedDigestsFrame.Leaves; leaf++)
        {
            CollectLeaf(leaf, null, into);
        }
    }

    private void EnterLeaf(RetainedEvent retained)
    {
        // 64 KiB that a node without retained events need not have.
        _leaves ??= new Leaf[RetainedDigestsFrame.Leaves];
        ref Leaf leaf = ref Toggle(retained);
        retained.NextInLeaf = leaf.First;
        if (leaf.First is { } next)
        {
            next.PreviousInLeaf = retained;
        }

        leaf.First = retained;
    }

    private void LeaveLeaf(RetainedEvent retained)
    {
        ref Leaf leaf = ref Toggle(retained);
        RetainedEvent? previous = retained.PreviousInLeaf;
        RetainedEvent? next = retained.NextInLeaf;
        if (previous is null)
        {
            leaf.First = next;
        }
        else
        {
            previous.NextInLeaf = next;
        }

        if (next is not null)
        {
            next.PreviousInLeaf = previous;
        }

        retained.PreviousInLeaf = null;
        retained.NextInLeaf = null;
    }

    /// <summary>Adds an entry's digest to those of its parts, or takes it out: both are the same XOR.</summary>
    private ref Leaf Toggle(RetainedEvent retained)
    {
        int number = RetainedDigestsFrame.LeafOf(retained.TopicHash);
        ref Leaf leaf = ref _leaves![number];
        leaf.Digest ^= retained.Digest;
        _groupDigests[number / RetainedDigestsFrame.LeavesPerGroup] ^= retained.Digest;
        Digest ^= retained.Digest;
        return ref leaf;
    }

    private struct Leaf
    {
        public ulong Digest;
        public RetainedEvent? First;
    }
}
