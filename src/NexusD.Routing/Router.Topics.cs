using NexusD.Routing.Retained;

namespace NexusD.Routing;

/// <summary>Shows the topics that are known.</summary>
public sealed partial class Router
{
    /// <summary>
    /// Targets that one call of <see cref="CollectTopics"/> looks at, so that it does not hold up events.
    /// </summary>
    private const int TargetsPerCollection = 262_144;

    /// <summary>A topic that is in no table, to stand for none; nothing is to be published to it.</summary>
    public static Topic CreatePlaceholder(ReadOnlySpan<byte> validName) =>
        new(validName, LevelHash.Compute(validName));

    /// <summary>Adds up to <paramref name="most"/> known topics to <paramref name="into"/>, in no order.</summary>
    /// <returns>False when there are more.</returns>
    public bool CollectTopics(int most, List<TopicSnapshot> into)
    {
        int targets = 0;
        int count = Math.Min(most, _topics.Count);
        for (int i = 0; i < count; i++)
        {
            if (targets > TargetsPerCollection)
            {
                return false;
            }

            Topic topic = _topics[i];
            RouteView route = Resolve(topic);
            targets += route.Total;
            bool retained = Retained.TryGet(topic, out RetainedEvent? kept) && !kept.IsTombstone;
            int groups = route.Groups?.Length ?? 0;
            into.Add(new TopicSnapshot(topic.Text, route.Local, route.Total - route.Local, retained, groups));
        }

        return count == _topics.Count;
    }
}
