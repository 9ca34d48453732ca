using NexusD.Buffers;

namespace NexusD.Routing;

/// <content>
/// Three steps that bring a topic's route into the cache before it is used. A step may be taken only some tens of
/// nanoseconds after the one before: it follows the references that the former one loaded.
/// </content>
public sealed partial class Topic
{
    private const int TopicLines = 2;
    private const int EntriesLines = 1;
    private const int TargetLines = 3;

    /// <summary>First step: the topic itself.</summary>
    public static void Prefetch(Topic topic) => CacheLine.Prefetch(topic, TopicLines);

    /// <summary>Second step: the list of its targets.</summary>
    public static void PrefetchRoute(Topic topic) => CacheLine.Prefetch(topic.Entries, EntriesLines);

    /// <summary>Third step: its first target; most topics have one or a few that all share.</summary>
    public static void PrefetchTarget(Topic topic)
    {
        RouteEntry[] entries = topic.Entries;
        if (entries.Length > 0 && entries[0].Target is { } target)
        {
            CacheLine.Prefetch(target, TargetLines);
        }
    }
}
