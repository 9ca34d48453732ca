using System.Text;
using NexusD.Protocol;
using NexusD.Protocol.Topics;
using NexusD.Routing.Tests.Support;
using Xunit;

namespace NexusD.Routing.Tests;

/// <summary>The router against a list of (target, filter) that is searched from end to end.</summary>
public sealed class RouterModelTests
{
    private readonly HashSet<(RecordingTarget Target, TopicFilter Filter)> _subscriptions = [];
    private readonly HashSet<(RecordingTarget Link, TopicFilter Filter)> _interests = [];
    private readonly List<RecordingTarget> _links = [];
    private ulong _number;

    [Theory]
    [InlineData(1, 262_144, 100_000)]
    [InlineData(2, 16, 100_000)]
    [InlineData(3, 64, 64)]
    [InlineData(4, 16, 16)]
    public void DeliversToThoseWhoWantItWhateverChangesInBetween(int seed, int maxTopics, int maxRouteEntries)
    {
        var random = new Random(seed);
        Router router = Mesh.Router(new RouterOptions { MaxTopics = maxTopics, MaxRouteEntries = maxRouteEntries });
        var targets = Enumerable.Range(0, 12).Select(i => new RecordingTarget($"s{i}")).ToArray();
        var heldTopics = new List<Topic>();
        for (int step = 0; step < 6_000; step++)
        {
            if (random.Next(3) == 0)
            {
                Change(router, random, targets);
            }

            string name = TopicTexts.Name(random, 5);
            Topic topic = random.Next(3) == 0 && heldTopics.Count > 0
                ? heldTopics[random.Next(heldTopics.Count)]
                : router.Topic(name);
            heldTopics.Add(topic);
            Publish(router, random, topic, targets);
            if (step % 100 == 0)
            {
                router.AssertInvariants();
            }
        }

        RouterStatistics statistics = router.GetStatistics();
        Assert.InRange(statistics.Topics, 1, maxTopics);
        Assert.InRange(statistics.RouteEntries, 1, maxRouteEntries);
        Assert.Equal(_subscriptions.Count, statistics.LocalSubscriptions);
        Assert.Equal(_interests.Count, statistics.PeerInterests);
        Assert.Equal(_subscriptions.Select(s => s.Filter).Distinct().Count(), router.LocalInterest.Count);
        ulong digest = _subscriptions.Select(s => s.Filter).Distinct().Aggregate(0UL, (d, f) => d ^ f.Hash);
        Assert.Equal(digest, router.LocalInterest.Digest);
        foreach (RecordingTarget target in targets)
        {
            router.Unsubscribe(target);
        }

        Assert.Equal((0, 0UL), (router.LocalInterest.Count, router.LocalInterest.Digest));
        router.AssertInvariants();
    }

    private void Change(Router router, Random random, RecordingTarget[] targets)
    {
        RecordingTarget target = targets[random.Next(targets.Length)];
        TopicFilter filter = TopicTexts.Filter(random, 5);
        switch (random.Next(12))
        {
            case < 4:
                Assert.Equal(_subscriptions.Add((target, filter)), router.Subscribe(target, filter));
                break;
            case < 6 when _subscriptions.Count > 0:
                (target, filter) = _subscriptions.ElementAt(random.Next(_subscriptions.Count));
                _subscriptions.Remove((target, filter));
                Assert.True(router.Unsubscribe(target, filter));
                break;
            case 6:
                _subscriptions.RemoveWhere(s => s.Target == target);
                router.Unsubscribe(target);
                break;
            case 7:
                _links.Add(router.Peer());
                break;
            case 8 when _links.Count > 3:
                RecordingTarget lost = _links[random.Next(_links.Count)];
                _links.Remove(lost);
                _interests.RemoveWhere(i => i.Link == lost);
                router.RemovePeer(lost);
                break;
            case < 11 when _links.Count > 0:
                RecordingTarget link = _links[random.Next(_links.Count)];
                Assert.Equal(_interests.Add((link, filter)), router.AddInterest(link, filter));
                break;
            case 11 when _interests.Count > 0:
                (link, filter) = _interests.ElementAt(random.Next(_interests.Count));
                _interests.Remove((link, filter));
                Assert.True(router.RemoveInterest(link, filter));
                break;
            default:
                break;
        }
    }

    private void Publish(Router router, Random random, Topic topic, RecordingTarget[] targets)
    {
        byte[] name = Encoding.UTF8.GetBytes(topic.Text);
        var local = _subscriptions.Where(s => s.Filter.Matches(name)).Select(s => s.Target).ToHashSet();
        var peers = _interests.Where(i => i.Filter.Matches(name)).Select(i => i.Link).ToHashSet();
        bool isFromPeer = random.Next(3) == 0;
        RunFlags flags = random.Next(8) == 0 ? RunFlags.Retain : RunFlags.None;
        _number++;
        EventRun run = Runs.Of(topic, Runs.Body("x"), number: _number, timestamp: _number << 16, flags: flags);
        if (isFromPeer)
        {
            Assert.Equal(local.Count, router.PublishFromPeer(run));
            peers.Clear();
        }
        else
        {
            peers = flags == RunFlags.Retain ? [.. _links] : peers;
            Assert.Equal(new PublishOutcome(local.Count, peers.Count), router.Publish(run));
        }

        AssertDelivered(targets, local);
        AssertDelivered(_links, peers);
    }

    private void AssertDelivered(IEnumerable<RecordingTarget> all, HashSet<RecordingTarget> expected)
    {
        foreach (RecordingTarget target in all)
        {
            Assert.Equal(expected.Contains(target) ? 1 : 0, target.Deliveries.Count);
            Assert.All(target.Deliveries, d => Assert.Equal(_number, d.Number));
            target.Deliveries.Clear();
        }
    }
}
