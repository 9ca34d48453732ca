using System.Runtime.CompilerServices;
using NexusD.Protocol.Topics;
using NexusD.Routing.Trie;

namespace NexusD.Routing.Retained;

/// <summary>Retained events by topic levels, so that a filter visits only the branches that may match.</summary>
/// <remarks>Invariant: no branch without an event at its end is kept. For one thread.</remarks>
internal sealed class RetainedTree
{
    private readonly RetainedNode _root = new(null, [], 0);

    /// <summary>The event of a topic, or null.</summary>
    [SkipLocalsInit]
    public RetainedEvent? Find(ReadOnlySpan<byte> name)
    {
        Span<LevelPart> parts = stackalloc LevelPart[LevelPart.MaxLevels];
        LevelNode? node = _root;
        foreach (LevelPart part in parts[..LevelPart.Split(name, parts)])
        {
            node = node.Find(part.Hash, part.Of(name));
            if (node is null)
            {
                return null;
            }
        }

        return Unsafe.As<RetainedNode>(node).Event;
    }

    /// <summary>Puts an event at its topic, in place of the one that is there.</summary>
    [SkipLocalsInit]
    public void Put(RetainedEvent retained)
    {
        ReadOnlySpan<byte> name = retained.Topic.Utf8;
        Span<LevelPart> parts = stackalloc LevelPart[LevelPart.MaxLevels];
        RetainedNode node = _root;
        foreach (LevelPart part in parts[..LevelPart.Split(name, parts)])
        {
            if (node.Find(part.Hash, part.Of(name)) is not { } child)
            {
                child = new RetainedNode(node, part.Of(name).ToArray(), part.Hash);
                node.Attach(child);
            }

            node = Unsafe.As<RetainedNode>(child);
        }

        if (node.Event is { } former)
        {
            former.Node = null;
        }

        node.Event = retained;
        retained.Node = node;
    }

    /// <summary>Takes an event out.</summary>
    public static void Remove(RetainedEvent retained)
    {
        RetainedNode node = retained.Node!;
        retained.Node = null;
        node.Event = null;
        while (node.Event is null && !node.HasChildren && node.Parent is RetainedNode parent)
        {
            parent.Detach(node);
            node = parent;
        }
    }

    /// <summary>Adds events whose topics match until the list has <paramref name="most"/>.</summary>
    public void Collect(TopicFilter filter, List<RetainedEvent> into, int most = int.MaxValue) =>
        Collect(_root, filter, 0, new Found(into, most));

    private static void Collect(RetainedNode node, TopicFilter filter, int depth, in Found into)
    {
        if (depth == filter.LevelCount)
        {
            AddEvent(node, into);
            return;
        }

        var walk = new Step(filter, depth, into);
        switch (filter.KindOf(depth))
        {
            case FilterLevelKind.Multi:
                AddEvent(node, into);
                node.VisitChildren(ref walk, static (LevelNode child, ref Step step) => step.Descend(child));
                break;
            case FilterLevelKind.Single:
                node.VisitChildren(ref walk, static (LevelNode child, ref Step step) => step.Next(child));
                break;
            default:
                ReadOnlySpan<byte> level = filter.Level(depth);
                if (node.Find(LevelHash.Compute(level), level) is { } literal)
                {
                    Collect(Unsafe.As<RetainedNode>(literal), filter, depth + 1, into);
                }

                break;
        }
    }

    private static void AddEvent(RetainedNode node, in Found into)
    {
        if (node.Event is { } retained && into.Events.Count < into.Most)
        {
            into.Events.Add(retained);
        }
    }

    private readonly record struct Found(List<RetainedEvent> Events, int Most);

    private readonly record struct Step(TopicFilter Filter, int Depth, Found Into)
    {
        public void Next(LevelNode child)
        {
            if (!IsHidden(child))
            {
                Collect(Unsafe.As<RetainedNode>(child), Filter, Depth + 1, Into);
            }
        }

        public void Descend(LevelNode child)
        {
            if (!IsHidden(child))
            {
                // The filter's last level asks for this level and all below it.
                Collect(Unsafe.As<RetainedNode>(child), Filter, Depth, Into);
            }
        }

        // A wildcard in the first level never matches the system's topics.
        private bool IsHidden(LevelNode child) =>
            Depth == 0 && child.Parent!.Parent is null && TopicName.IsSystem(child.Level);
    }
}
