using System.Globalization;
using System.Text;
using NexusD.Protocol;

namespace NexusdBench.History;

/// <summary>
/// What the event with a given number of a given publisher is: its topic, and by that its class, whether it is retained
/// and who wants it. All of it follows from the seed, so that a history of millions of events need not list them.
/// </summary>
/// <remarks>
/// The folder History is what happened in a run as its clients saw it, the file that keeps it, and the check that
/// everything which was published was delivered once, in order, or told as lost. It knows nothing of clients and
/// daemons.
/// </remarks>
internal sealed class EventPlan
{
    // Events that follow each other on one topic and so can travel as one run.
    private const int Burst = 8;

    private readonly string[] _names;
    private readonly byte[][] _utf8;

    /// <param name="seed">Decides the topic of every event.</param>
    /// <param name="topics">How many topics, 1 to 10,000.</param>
    /// <param name="prefix">First levels of every topic.</param>
    internal EventPlan(int seed, int topics, string prefix)
    {
        Seed = seed;
        Topics = topics;
        Prefix = prefix;
        _names = [.. Enumerable.Range(0, topics).Select(
            t => string.Create(CultureInfo.InvariantCulture, $"{prefix}/{(t % 2 == 0 ? 'a' : 'b')}/{t}"))];
        _utf8 = [.. _names.Select(Encoding.UTF8.GetBytes)];
    }

    internal int Seed { get; }

    internal int Topics { get; }

    internal string Prefix { get; }

    /// <summary>Whether a topic of this number has its last event kept by every node.</summary>
    internal static bool IsRetained(int topic) => topic % 4 == 1;

    internal static Priority ClassOf(int topic) => (topic % 5) switch
    {
        3 => Priority.High,
        4 => Priority.Low,
        _ => Priority.Normal,
    };

    internal int TopicOf(int publisher, long number)
    {
        var x = ((ulong)Seed << 32) ^ ((ulong)publisher << 56) ^ (ulong)((number - 1) / Burst);
        x = (x ^ (x >> 33)) * 0xff51afd7ed558ccd;
        x = (x ^ (x >> 33)) * 0xc4ceb9fe1a85ec53;
        return (int)((x ^ (x >> 33)) % (ulong)Topics);
    }

    internal string Name(int topic) => _names[topic];

    internal ReadOnlySpan<byte> NameUtf8(int topic) => _utf8[topic];

    internal string Filter(TopicScope scope) => scope == TopicScope.All ? Prefix + "/#" : Prefix + "/a/*";

    internal static bool Matches(TopicScope scope, int topic) => scope == TopicScope.All || topic % 2 == 0;

    /// <summary>
    /// The stream that an event belongs to, within which order is promised: its class, or where the subscription keeps
    /// the latest event of each topic, its topic.
    /// </summary>
    internal static int StreamOf(bool perTopic, int topic) => perTopic ? topic : (int)ClassOf(topic);

    internal int Streams(bool perTopic) => perTopic ? Topics : 3;

    /// <summary>
    /// The next event behind <paramref name="number"/> of a stream that the subscription wants; 0: none up to
    /// <paramref name="last"/>.
    /// </summary>
    internal long NextInStream(SubscriptionLog subscription, int publisher, int stream, long number, long last)
    {
        for (var next = number + 1; next <= last; next++)
        {
            var topic = TopicOf(publisher, next);
            if (StreamOf(subscription.IsPerTopic, topic) == stream && Matches(subscription.Scope, topic))
            {
                return next;
            }
        }

        return 0;
    }
}
