using System.Diagnostics;
using System.Runtime.CompilerServices;
using NexusD.Protocol;
using NexusD.Routing.Topics;

namespace NexusD.Routing.Trie;

/// <summary>
/// Which targets want which topics: a tree of filter levels. The router has two, one for subscriptions of this node and
/// one for what peers are interested in.
/// </summary>
/// <remarks>
/// <para>One writer; any number of readers may call <see cref="Match(ReadOnlySpan{byte}, MatchList)"/> at the same time
/// without a lock. A reader surely finds the targets that are there during the whole of its walk.</para>
/// <para>Costs: a change is amortised constant time per level, whatever the number of filters and of targets per
/// filter; a match visits only nodes whose levels match, one hash per level of the name.</para>
/// <para>Invariants: no branch without a target at its end is kept; a target stands under a filter at most once;
/// <see cref="Entries"/> is the sum over all targets of their filters.</para>
/// </remarks>
internal sealed class TopicTrie
{
    private const byte SystemMark = (byte)'$';

    private readonly TrieNode _root = new(null, [], 0);

    /// <summary>Filters with at least one target.</summary>
    public int Filters { get; private set; }

    /// <summary>Pairs of target and filter.</summary>
    public int Entries { get; private set; }

    /// <summary>Puts a target under a filter in canonical spelling.</summary>
    /// <param name="isFirst">Whether it is the first target there.</param>
    /// <returns>False when the target stands there already.</returns>
    [SkipLocalsInit]
    public bool Add(DeliveryTarget target, ReadOnlySpan<byte> filter, out bool isFirst)
    {
        Span<LevelPart> parts = stackalloc LevelPart[LevelPart.MaxLevels];
        int count = LevelPart.Split(filter, parts);
        TrieNode node = _root;
        foreach (LevelPart part in parts[..count])
        {
            ReadOnlySpan<byte> level = part.Of(filter);
            node = ChildAt(node, part.Hash, level) ?? Grow(node, part.Hash, level);
        }

        isFirst = !node.HasTargets;
        if (target.Memberships.TryGet(node, out _))
        {
            return false;
        }

        node.AddTarget(target);
        Filters += isFirst ? 1 : 0;
        Entries++;
        return true;
    }

    /// <summary>Takes a target away from a filter in canonical spelling.</summary>
    /// <param name="wasLast">Whether nobody is left there.</param>
    /// <returns>False when the target does not stand there.</returns>
    [SkipLocalsInit]
    public bool Remove(DeliveryTarget target, ReadOnlySpan<byte> filter, out bool wasLast)
    {
        Span<LevelPart> parts = stackalloc LevelPart[LevelPart.MaxLevels];
        int count = LevelPart.Split(filter, parts);
        TrieNode? node = _root;
        wasLast = false;
        for (int i = 0; i < count && node is not null; i++)
        {
            node = ChildAt(node, parts[i].Hash, parts[i].Of(filter));
        }

        if (node is null || !target.Memberships.TryGet(node, out int index))
        {
            return false;
        }

        target.Memberships.Remove(node);
        wasLast = RemoveAt(node, index);
        return true;
    }

    /// <summary>
    /// Takes a target away from all its filters, moves the version of each, and calls back with those that nobody is
    /// left under.
    /// </summary>
    public void RemoveAll(DeliveryTarget target, RouteVersions versions, Action<byte[]>? onLast)
    {
        foreach ((TrieNode node, int index) in target.Memberships.TakeAll())
        {
            byte[] filter = FilterOf(node);
            versions.Change(filter);
            if (RemoveAt(node, index))
            {
                onLast?.Invoke(filter);
            }
        }
    }

    /// <summary>
    /// Adds every target that wants a topic; one with several filters that match may come several times.
    /// </summary>
    [SkipLocalsInit]
    public void Match(ReadOnlySpan<byte> name, MatchList matches)
    {
        Span<LevelPart> parts = stackalloc LevelPart[LevelPart.MaxLevels];
        Match(name, parts[..LevelPart.Split(name, parts)], matches);
    }

    /// <summary>The same for a name that is cut into its levels already.</summary>
    public void Match(ReadOnlySpan<byte> name, ReadOnlySpan<LevelPart> parts, MatchList matches)
    {
        if (name.Length > 0 && name[0] == SystemMark)
        {
            // A wildcard in the first level never matches the system's topics.
            if (ChildAt(_root, parts[0].Hash, parts[0].Of(name)) is { } system)
            {
                Walk(system, name, parts[1..], matches);
            }

            return;
        }

        Walk(_root, name, parts, matches);
    }

    /// <summary>All filters with a target, in no order.</summary>
    public List<byte[]> ListFilters()
    {
        var filters = new List<byte[]>(Filters);
        Visit(_root, node =>
        {
            if (node.HasTargets)
            {
                filters.Add(FilterOf(node));
            }
        });
        return filters;
    }

    /// <summary>One filter of a target; null when it has none.</summary>
    public static byte[]? AnyFilterOf(DeliveryTarget target) =>
        target.Memberships.Any() is { } node ? FilterOf(node) : null;

    /// <summary>Checks the invariants of the type comment; walks the whole trie.</summary>
    [Conditional("DEBUG")]
    public void AssertInvariants()
    {
        int filters = 0;
        int entries = 0;
        Visit(_root, node =>
        {
            var matches = new MatchList();
            node.AddTargetsTo(matches);
            filters += matches.Count > 0 ? 1 : 0;
            entries += matches.Count;
            Debug.Assert(node == _root || !node.IsEmpty, "an empty branch was kept");
            Debug.Assert(node.HasTargets == matches.Count > 0, "a list without targets was kept");
            for (int i = 0; i < matches.Count; i++)
            {
                Debug.Assert(matches[i].Memberships.TryGet(node, out _), "a target does not know its filter");
            }
        });
        Debug.Assert(filters == Filters && entries == Entries, "the trie lost count");
    }

    private static void Walk(
        TrieNode node, ReadOnlySpan<byte> name, ReadOnlySpan<LevelPart> rest, MatchList matches)
    {
        while (true)
        {
            node.AnyRest?.AddTargetsTo(matches);
            if (rest.IsEmpty)
            {
                node.AddTargetsTo(matches);
                return;
            }

            if (node.AnyLevel is { } any)
            {
                Walk(any, name, rest[1..], matches);
            }

            if (node.Find(rest[0].Hash, rest[0].Of(name)) is not { } next)
            {
                return;
            }

            node = Unsafe.As<TrieNode>(next);
            rest = rest[1..];
        }
    }

    private static TrieNode? ChildAt(TrieNode node, uint hash, ReadOnlySpan<byte> level) => level switch
    {
        [(byte)'*'] => node.AnyLevel,
        [(byte)'#'] => node.AnyRest,
        _ => Unsafe.As<TrieNode>(node.Find(hash, level)),
    };

    private static TrieNode Grow(TrieNode parent, uint hash, ReadOnlySpan<byte> level)
    {
        var child = new TrieNode(parent, level.ToArray(), hash);
        switch (level)
        {
            case [(byte)'*']:
                parent.AnyLevel = child;
                break;
            case [(byte)'#']:
                parent.AnyRest = child;
                break;
            default:
                parent.Attach(child);
                break;
        }

        return child;
    }

    private bool RemoveAt(TrieNode node, int index)
    {
        node.RemoveTarget(index);
        Entries--;
        if (node.HasTargets)
        {
            return false;
        }

        Filters--;
        Prune(node);
        return true;
    }

    private static void Prune(TrieNode node)
    {
        while (node.IsEmpty && node.Parent is TrieNode parent)
        {
            if (ReferenceEquals(parent.AnyLevel, node))
            {
                parent.AnyLevel = null;
            }
            else if (ReferenceEquals(parent.AnyRest, node))
            {
                parent.AnyRest = null;
            }
            else
            {
                parent.Detach(node);
            }

            node = parent;
        }
    }

    private static byte[] FilterOf(TrieNode node)
    {
        Span<byte> text = stackalloc byte[ProtocolLimits.MaxTopicBytes];
        int start = text.Length;
        for (LevelNode at = node; at.Parent is not null; at = at.Parent)
        {
            start -= at.Level.Length;
            at.Level.CopyTo(text[start..]);
            if (at.Parent.Parent is not null)
            {
                text[--start] = (byte)'/';
            }
        }

        return text[start..].ToArray();
    }

    private static void Visit(TrieNode node, Action<TrieNode> visit)
    {
        visit(node);
        if (node.AnyLevel is { } any)
        {
            Visit(any, visit);
        }

        if (node.AnyRest is { } rest)
        {
            Visit(rest, visit);
        }

        node.VisitChildren(ref visit, static (LevelNode child, ref Action<TrieNode> next) =>
            Visit(Unsafe.As<TrieNode>(child), next));
    }
}
