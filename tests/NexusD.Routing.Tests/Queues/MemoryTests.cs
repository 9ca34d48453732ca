using NexusD.Buffers;
using NexusD.Protocol;
using NexusD.Routing.Queues;
using NexusD.Routing.Tests.Support;
using Xunit;

namespace NexusD.Routing.Tests.Queues;

/// <summary>Queues and stores under the budget: what is cut, by which policy, and that all is given back.</summary>
public sealed class MemoryTests
{
    private readonly MemoryBudget _budget = new(16L << 20);
    private readonly SlabPool _pool;
    private readonly long[] _kinds = new long[MemoryBudget.Kinds];
    private readonly Topic _topic = Mesh.Router().Topic("t");

    public MemoryTests() => _pool = new SlabPool(0, _budget);

    [Theory]
    [InlineData(OverflowPolicy.DropOldest, 4_001, 5_000)]
    [InlineData(OverflowPolicy.DropNewest, 1, 1_000)]
    [InlineData(OverflowPolicy.Block, 1, 5_000)]
    public void A_cut_takes_by_the_policy_and_tells(OverflowPolicy policy, int first, int last)
    {
        using SubscriptionQueue queue = Filled(policy, 5_000);
        long bytes = queue.Bytes;
        queue.CutTo(bytes / 5);

        Assert.InRange(queue.Bytes, 1, policy == OverflowPolicy.Block ? bytes : bytes / 5);
        Assert.Equal(5_000 - queue.Events, queue.DroppedEvents(DropReason.Memory));
        Assert.True(queue.TryPeek(0, out EventRun head));
        Assert.Equal((ulong)first, head.Number);
        Assert.Equal(last - first + 1, queue.Events);
        Assert.Equal(policy != OverflowPolicy.Block, queue.TryTakeGap(out GapNotice gap));
        Assert.Equal(queue.DroppedEventsSum, (long)gap.Count);
        queue.AssertInvariants();
    }

    [Fact]
    public void A_cut_takes_low_priority_first()
    {
        using var queue = new SubscriptionQueue(new QueueSettings(100, 1 << 20), _pool);
        queue.Enqueue(Runs.Of(_topic, Runs.Body(1, 1_000), number: 1, priority: Priority.High));
        queue.Enqueue(Runs.Of(_topic, Runs.Body(1, 1_000), number: 2));
        queue.Enqueue(Runs.Of(_topic, Runs.Body(1, 1_000), number: 3, priority: Priority.Low));
        queue.CutTo(1_500);
        Assert.True(queue.TryPeek(0, out EventRun head));
        Assert.Equal((1, 1UL), (queue.Events, head.Number));
    }

    [Theory]
    [InlineData(OverflowPolicy.DropOldest)]
    [InlineData(OverflowPolicy.DropNewest)]
    [InlineData(OverflowPolicy.Conflate)]
    [InlineData(OverflowPolicy.Block)]
    public void Under_a_ceiling_a_queue_keeps_to_it_and_says_why(OverflowPolicy policy)
    {
        using var topics = new TopicSource();
        Slab pressure = MakeShort();
        using var queue = new SubscriptionQueue(new QueueSettings(10_000, 1 << 20, policy), _pool);
        for (int i = 0; i < 500; i++)
        {
            queue.Enqueue(Runs.Of(topics.Next(), Runs.Body(1, 100), number: (ulong)i + 1));
        }

        Assert.InRange(queue.Bytes, 1, MemoryBudget.LeastCeiling);
        Assert.Equal(500, queue.Events + queue.DroppedEvents(DropReason.Memory));
        queue.AssertInvariants();

        queue.Enqueue(Runs.Of(_topic, Runs.Body(1, 100_000), number: 1_000));
        Assert.Equal(0, queue.DroppedEvents(DropReason.TooLarge));
        queue.Enqueue(Runs.Of(_topic, Runs.Body(1, 2 << 20), number: 1_001));
        Assert.Equal(1, queue.DroppedEvents(DropReason.TooLarge));
        pressure.Release();
    }

    [Fact]
    public void A_queues_own_bound_is_still_named_as_such()
    {
        using var queue = new SubscriptionQueue(new QueueSettings(10, 1 << 20), _pool);
        for (int i = 0; i < 20; i++)
        {
            queue.Enqueue(Runs.Of(_topic, Runs.Body(1, 100), number: (ulong)i + 1));
        }

        Assert.Equal((10, 0), (queue.DroppedEvents(DropReason.QueueFull), queue.DroppedEvents(DropReason.Memory)));
    }

    [Theory]
    [InlineData(OverflowPolicy.DropOldest)]
    [InlineData(OverflowPolicy.Conflate)]
    public void What_a_queue_held_is_given_back_whole(OverflowPolicy policy)
    {
        SubscriptionQueue queue = Filled(policy, 5_000);
        if (policy == OverflowPolicy.Conflate)
        {
            using var topics = new TopicSource();
            for (int i = 0; i < 2_000; i++)
            {
                queue.Enqueue(Runs.Of(topics.Next(), Runs.Body(1, 300), number: 10_000 + (ulong)i));
            }
        }

        Assert.InRange(Held(MemoryKind.Queues), queue.Bytes / 2, queue.Bytes * 3);
        queue.CutTo(queue.Bytes / 50);
        Assert.InRange(Held(MemoryKind.Queues), 1, 400_000);
        queue.Dispose();
        Assert.Equal(0, Held(MemoryKind.Queues));
    }

    [Fact]
    public void The_router_tells_what_it_holds_and_forgets_it()
    {
        var router = new Router(new RouterOptions { RecoveryEvents = 5 }, _pool);
        router.AdvanceTime(1UL << 16);
        var target = new RecordingTarget();
        router.Subscribe(target, NexusD.Protocol.Topics.TopicFilter.Parse("a/#"));
        Topic topic = router.Topic("a/b");
        router.Publish(Runs.Of(topic, Runs.Body("x"), flags: RunFlags.Retain));
        foreach (MemoryKind kind in (MemoryKind[])
            [MemoryKind.Retained, MemoryKind.Recovery, MemoryKind.Topics, MemoryKind.Filters])
        {
            Assert.InRange(Held(kind), 1, 10_000);
        }

        router.Publish(Runs.Of(topic, Runs.Body(""), number: 2, timestamp: 2UL << 16, flags: RunFlags.Retain));
        router.AdvanceTime(HybridClock.FromUnixMs(7_200_000));
        router.Unsubscribe(target);
        router.ShrinkCaches(long.MaxValue);
        Assert.Equal((0, 0, 0), (Held(MemoryKind.Retained), Held(MemoryKind.Recovery), Held(MemoryKind.Filters)));
        router.AssertInvariants();
    }

    [Fact]
    public void Held_bytes_are_summed_by_the_beginning_of_topics()
    {
        var router = Mesh.Router();
        var tally = new TopicTally(1);
        foreach (string topic in (string[])["a/b/c", "a/b/d", "a/b/d/e", "a/x", "plain"])
        {
            tally.Add(router.Topic(topic), 10);
        }

        tally.Add(router.Topic("plain"), 100);
        Assert.Equal(
            [("plain", 110L), ("a/b/#", 30L), ("a/#", 10L)], tally.Largest(9).Select(t => (t.Key, t.Value)));
        Assert.Single(tally.Largest(1));
        var sampled = new TopicTally(10);
        for (int i = 0; i < 100; i++)
        {
            sampled.Add(router.Topic("a/b/c"), 1);
        }

        Assert.Equal(100, Assert.Single(sampled.Largest(5)).Value);
    }

    private SubscriptionQueue Filled(OverflowPolicy policy, int events)
    {
        var queue = new SubscriptionQueue(new QueueSettings(100_000, 4 << 20, policy), _pool);
        for (int i = 0; i < events; i++)
        {
            queue.Enqueue(Runs.Of(_topic, Runs.Body(1, 100), number: (ulong)i + 1));
        }

        return queue;
    }

    private Slab MakeShort()
    {
        Slab slab = _pool.Rent(15 << 20, MemoryKind.Payloads);
        _budget.Settle();
        Assert.Equal(MemoryBudget.LeastCeiling, _budget.Ceiling);
        return slab;
    }

    private long Held(MemoryKind kind)
    {
        _budget.Measure(_kinds);
        return _kinds[(int)kind];
    }

    private sealed class TopicSource : IDisposable
    {
        private readonly Router _router = Mesh.Router();
        private int _count;

        public Topic Next() => _router.Topic($"t/{_count++}");

        public void Dispose() => _router.AssertInvariants();
    }
}
