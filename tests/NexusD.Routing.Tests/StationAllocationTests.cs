using System.Text;
using NexusD.Buffers;
using NexusD.Protocol.Topics;
using NexusD.Routing.Queues;
using NexusD.Routing.Tests.Support;
using NexusD.Routing.Trie;
using Xunit;

namespace NexusD.Routing.Tests;

/// <summary>The single stations of an event's way allocate nothing once they are warm.</summary>
public sealed class StationAllocationTests
{
    private const int Rounds = 20_000;

    private ulong _number = 1;

    [Fact]
    public void MatchingAllocatesNothing()
    {
        var trie = new TopicTrie();
        var matches = new MatchList();
        for (int i = 0; i < 1_000; i++)
        {
            trie.Add(new CountingTarget(), Encoding.UTF8.GetBytes($"a/{i % 10}/{i}"), out _);
        }

        trie.Add(new CountingTarget(), "a/*/7"u8, out _);
        trie.Add(new CountingTarget(), "a/7/#"u8, out _);
        int found = 0;
        AssertNone(() =>
        {
            matches.Clear();
            trie.Match("a/7/7"u8, matches);
            found = matches.Count;
        });
        Assert.Equal(3, found);
    }

    [Fact]
    public void ResolvingARouteAgainAllocatesNothing()
    {
        Router router = Mesh.Router();
        var stays = new CountingTarget();
        var passing = new CountingTarget();
        TopicFilter related = Mesh.Filter("a/b/*");
        router.Subscribe(stays, Mesh.Filter("a/b/#"));
        Topic topic = router.Topic("a/b/c");
        byte[] body = Runs.Body("0123456789");
        long allocated = Allocations.Least(() =>
        {
            long inPublish = 0;
            for (int i = 0; i < Rounds; i++)
            {
                router.Subscribe(passing, related);
                router.Unsubscribe(passing, related);
                long before = GC.GetAllocatedBytesForCurrentThread();
                router.Publish(Runs.Of(topic, body, publisher: 1, number: _number++));
                inPublish += GC.GetAllocatedBytesForCurrentThread() - before;
            }

            return inPublish;
        });

        Assert.Equal(0, allocated);
        Assert.Equal((long)_number - 1, stays.Events);
        Assert.Equal((long)_number - 1, router.GetStatistics().ResolvedRoutes);
    }

    [Fact]
    public void EnqueuingAndDrainingAllocateNothing()
    {
        using var queue = new SubscriptionQueue(new QueueSettings(1_000, 1 << 20), new SlabPool());
        Topic topic = Mesh.Router().Topic("a/b/c");
        byte[] body = Runs.Body("0123456789");
        AssertNone(() =>
        {
            for (int i = 0; i < 10; i++)
            {
                queue.Enqueue(Runs.Of(topic, body, publisher: 1, number: _number++));
            }

            while (queue.TryPeek(0, out _))
            {
                queue.Dequeue();
            }
        });
        Assert.Equal((long)_number - 1, queue.DeliveredEvents);
    }

    [Fact]
    public void AQueueThatIsFullAllocatesNothing()
    {
        using var queue = new SubscriptionQueue(new QueueSettings(100, 1 << 20), new SlabPool());
        Topic topic = Mesh.Router().Topic("a/b/c");
        byte[] body = Runs.Body("0123456789");
        AssertNone(() => queue.Enqueue(Runs.Of(topic, body, publisher: 1, number: _number++)));
        Assert.InRange(queue.Bytes, 1, 100 * 1_000);
    }

    private static void AssertNone(Action station) => Assert.Equal(0, Allocations.Least(() =>
    {
        for (int i = 0; i < Rounds; i++)
        {
            station();
        }
    }));
}
