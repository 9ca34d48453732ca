using NexusD.Protocol;
using NexusdBench.History;

namespace NexusdBench.Tests.History;

/// <summary>A history of one publisher with one topic and a subscription to it; nothing is wrong yet.</summary>
internal sealed class Handmade
{
    internal const ulong Id = 77;

    private long _order;

    internal Handmade(long last = 100, bool resumes = false, int topics = 1)
    {
        History = new RunHistory(new EventPlan(1, topics, "t"));
        Publisher = new PublisherLog("p");
        Publisher.Connections.Add(Connection(0, "A1", "a"));
        for (long number = 10; number <= last; number += 10)
        {
            Publisher.Sent.Add(new SentSpan(number - 9, number, number * 1_000_000_000));
        }

        History.Publishers.Add(Publisher);
        Subscription = new SubscriptionLog("s", TopicScope.All, isPerTopic: false, resumes);
        Subscription.Connections.Add(Connection(0, "B1", "b"));
        History.Subscriptions.Add(Subscription);
    }

    internal RunHistory History { get; }

    internal PublisherLog Publisher { get; }

    internal SubscriptionLog Subscription { get; }

    internal static ConnectionRecord Connection(
        long seconds, string process, string node, bool left = false, long confirmed = 0, long sent = 0) => new(
            seconds * 1_000_000_000, 0, node, process, Id, left, confirmed, sent);

    /// <summary>The subscription gets these.</summary>
    internal Handmade Got(
        long first, long last, int connection = 0, DeliveryKind kind = DeliveryKind.Live, int stream = 0)
    {
        Subscription.Runs.Add(new DeliveredRun(++_order, connection, 0, stream, kind, first, last));
        return this;
    }

    /// <summary>The subscription is told of a loss.</summary>
    internal Handmade Told(
        long from, long to, long count, DropReason reason = DropReason.QueueFull)
    {
        Subscription.Gaps.Add(new ToldGap(++_order, 0, Id, from, to, count, reason, "b"));
        return this;
    }

    internal Verdict Check(bool strict = false) => HistoryChecker.Check(History, strict);

    /// <summary>The one rule that is broken.</summary>
    internal ViolationKind Broken(bool strict = false) => Assert.Single(Check(strict).Violations).Kind;
}
