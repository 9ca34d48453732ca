using System.Runtime.CompilerServices;

namespace NexusD.Routing;

/// <summary>
/// Brings the routes of topics that will be published to soon into the cache: topics are pushed in the order in which
/// they will come, <see cref="Lead"/> of them ahead.
/// </summary>
/// <remarks>
/// With thousands of topics drawn at random each event touches a topic, its route and its target, none of which is in
/// the cache, one after the other: that took three times as long as all the rest. The loads of several topics at a time
/// overlap here: each push takes the first step for the new topic, the second for an older one, the third for a still
/// older one.
/// </remarks>
public struct TopicPrefetch
{
    /// <summary>How many topics ahead of the one that is handled to push.</summary>
    public const int Lead = 3 * Step;

    private const int Step = 4;

    private Ring _ring;
    private int _next;

    /// <summary>Takes the next topic; null where none is known.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Push(Topic? topic)
    {
        int at = _next++;
        _ring[at & (Ring.Size - 1)] = topic;
        if (topic is not null)
        {
            Topic.Prefetch(topic);
        }

        if (_ring[(at - Step) & (Ring.Size - 1)] is { } second)
        {
            Topic.PrefetchRoute(second);
        }

        if (_ring[(at - (2 * Step)) & (Ring.Size - 1)] is { } third)
        {
            Topic.PrefetchTarget(third);
        }
    }

    [InlineArray(Size)]
    private struct Ring
    {
        public const int Size = 16;

        private Topic? _first;
    }
}
