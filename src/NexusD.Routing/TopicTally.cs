using System.Runtime.InteropServices;

namespace NexusD.Routing;

/// <summary>
/// Adds up how many bytes are held for events of each topic, and sums them by the beginnings of topics. A look at a
/// sample: with very many events only every n-th is looked at and counts n times.
/// </summary>
/// <param name="stride">Every how manieth event counts, at least 1.</param>
public sealed class TopicTally(int stride)
{
    // The last level tells single things apart, which is what nobody can read a list of.
    private const int Levels = 2;

    private readonly Dictionary<Topic, long> _byTopic = new(TopicNameComparer.Instance);
    private int _skip;

    /// <summary>How many runs of events a tally looks at, about.</summary>
    public const int SampleSize = 10_000;

    /// <summary>Adds what is held for one event or run of events.</summary>
    public void Add(Topic topic, long bytes)
    {
        if (--_skip < 0)
        {
            _skip = stride - 1;
            CollectionsMarshal.GetValueRefOrAddDefault(_byTopic, topic, out _) += bytes * stride;
        }
    }

    /// <summary>The beginnings of one or two levels under which most is held, the largest first.</summary>
    public List<KeyValuePair<string, long>> Largest(int most)
    {
        var sums = new Dictionary<string, long>();
        foreach ((Topic topic, long bytes) in _byTopic)
        {
            string prefix = PrefixOf(topic.Text);
            sums[prefix] = sums.GetValueOrDefault(prefix) + bytes;
        }

        return [.. sums.OrderByDescending(s => s.Value).ThenBy(s => s.Key, StringComparer.Ordinal).Take(most)];
    }

    private static string PrefixOf(string topic)
    {
        int end = 0;
        int next = topic.IndexOf('/');
        for (int level = 0; level < Levels && next >= 0; level++)
        {
            end = next;
            next = topic.IndexOf('/', end + 1);
        }

        return end == 0 ? topic : topic[..end] + "/#";
    }
}
