using NexusD.Buffers;
using NexusD.Protocol;
using NexusD.Routing.Queues;
using NexusD.Routing.Tests.Support;
using Xunit;

namespace NexusD.Routing.Tests.Queues;

public sealed class SubscriptionQueueTests
{
    private readonly SlabPool _pool = new();
    private readonly Topic _topic = Mesh.Router().Topic("t");

    [Fact]
    public void RunsComeOutAsTheyWentIn()
    {
        using var queue = new SubscriptionQueue(new QueueSettings(10, 0), _pool);
        queue.Enqueue(Runs.Of(_topic, Runs.Body("a", "b"), number: 5, flags: RunFlags.Retain));
        queue.Enqueue(Runs.Of(_topic, Runs.Body("c"), number: 9));

        Assert.Equal(("a,b", 5UL, RunFlags.Retain), Next(queue));
        Assert.Equal(("c", 9UL, RunFlags.None), Next(queue));
        Assert.False(queue.TryPeek(0, out _));
        Assert.False(queue.HasGaps);
    }

    [Fact]
    public void AFullQueueDropsSingleEventsFromTheHeadAndTellsWhich()
    {
        using var queue = new SubscriptionQueue(new QueueSettings(5, 0), _pool, "here");
        queue.Enqueue(Runs.Of(_topic, Runs.Body("1", "2", "3"), number: 1));
        queue.Enqueue(Runs.Of(_topic, Runs.Body("4", "5", "6", "7"), number: 4));

        Assert.Equal(5, queue.Events);
        Assert.True(queue.TryPeek(0, out EventRun head));
        Assert.Equal("3", RecordingTarget.Texts(head.Body));
        Assert.Equal(3UL, head.Number);
        Assert.True(queue.TryTakeGap(out GapNotice gap));
        Assert.Equal(new GapNotice(1, 1, 2, 2, DropReason.QueueFull, "here"), gap);
        Assert.False(queue.TryTakeGap(out _));
        queue.AssertInvariants();
    }

    [Fact]
    public void ARunLongerThanTheQueueLeavesItsEnd()
    {
        using var queue = new SubscriptionQueue(new QueueSettings(2, 0), _pool, "here");
        queue.Enqueue(Runs.Of(_topic, Runs.Body("1"), number: 1));
        queue.Enqueue(Runs.Of(_topic, Runs.Body("2", "3", "4", "5"), number: 2));

        Assert.Equal(("4,5", 4UL, RunFlags.None), Next(queue));
        Assert.True(queue.TryTakeGap(out GapNotice gap));
        Assert.Equal(new GapNotice(1, 1, 3, 3, DropReason.QueueFull, "here"), gap);
    }

    [Fact]
    public void ExpiredEventsAreSkippedAndTold()
    {
        using var queue = new SubscriptionQueue(new QueueSettings(10, 0), _pool, "here");
        ulong second = HybridClock.FromUnixMs(1000);
        queue.Enqueue(Runs.Of(_topic, Runs.Body("1", "2"), number: 1, timestamp: second, timeToLiveMs: 500));
        queue.Enqueue(Runs.Of(_topic, Runs.Body("3"), number: 3, timestamp: second));

        Assert.True(queue.TryPeek(HybridClock.FromUnixMs(1500), out EventRun inTime));
        Assert.Equal(1UL, inTime.Number);
        Assert.True(queue.TryPeek(HybridClock.FromUnixMs(1501), out EventRun next));
        Assert.Equal(3UL, next.Number);
        Assert.True(queue.TryTakeGap(out GapNotice gap));
        Assert.Equal(new GapNotice(1, 1, 2, 2, DropReason.Expired, "here"), gap);
        Assert.Equal(2, queue.DroppedEvents(DropReason.Expired));
    }

    [Fact]
    public void AnEventAboveTheBoundInBytesIsDroppedAloneAsTooLarge()
    {
        using var queue = new SubscriptionQueue(new QueueSettings(10, 0), _pool, "here");
        queue.Enqueue(Runs.Of(_topic, Runs.Body("1"), number: 1));
        queue.Enqueue(Runs.Of(_topic, Runs.Body(1, 70_000), number: 2));

        Assert.Equal(1, queue.Events);
        Assert.True(queue.TryTakeGap(out GapNotice gap));
        Assert.Equal(new GapNotice(1, 2, 2, 1, DropReason.TooLarge, "here"), gap);
    }

    [Fact]
    public unsafe void ALargeSharedBodyIsKeptByReference()
    {
        byte[] body = Runs.Body(1, 100_000);
        Slab shared = _pool.Rent(body.Length);
        body.CopyTo(shared.Span);
        var queue = new SubscriptionQueue(new QueueSettings(10, 1 << 20), _pool);
        var run = new EventRun
        {
            Topic = _topic,
            Publisher = 1,
            Number = 1,
            Timestamp = 1,
            Count = 1,
            Body = shared.Slice(0, body.Length),
            Shared = shared,
        };
        queue.Enqueue(run);
        shared.Release();

        Assert.Equal(shared.Capacity, _pool.RentedBytes);
        Assert.True(queue.TryPeek(0, out EventRun head));
        Assert.True(head.Body.SequenceEqual(body));
        queue.Dispose();
        Assert.Equal(0, _pool.RentedBytes);
    }

    [Fact]
    public void ASmallQueueTakesATinySlabAndThenASmallOne()
    {
        using var queue = new SubscriptionQueue(new QueueSettings(10, 0), _pool);
        queue.Enqueue(Runs.Of(_topic, Runs.Body("x")));
        Assert.Equal(SlabPool.TinyBytes, _pool.RentedBytes);
        queue.Enqueue(Runs.Of(_topic, Runs.Body(new string('x', SlabPool.TinyBytes)), number: 2));
        Assert.Equal(SlabPool.TinyBytes + SlabPool.SmallBytes, _pool.RentedBytes);

        queue.Dequeue();
        queue.Dequeue();
        Assert.Equal(0, _pool.RentedBytes);
    }

    [Fact]
    public void PartOfARunCanBeDequeued()
    {
        using var queue = new SubscriptionQueue(new QueueSettings(10, 0), _pool);
        queue.Enqueue(Runs.Of(_topic, Runs.Body("1", "2", "3"), number: 1));
        queue.Dequeue(2);

        Assert.Equal(("3", 3UL, RunFlags.None), Next(queue));
        Assert.Equal(3, queue.DeliveredEvents);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void EveryEventIsAccountedForUnderRandomOperations(int seed)
    {
        var random = new Random(seed);
        var settings = new QueueSettings(random.Next(1, 200), SubscriptionQueue.MinimumMaxBytes);
        var queue = new SubscriptionQueue(settings, _pool, "here");
        var model = new QueueModel();
        for (int step = 0; step < 5_000; step++)
        {
            ulong now = HybridClock.FromUnixMs(step);
            if (random.Next(100) < 55)
            {
                int count = random.Next(10) == 0 ? random.Next(1, 400) : random.Next(1, 8);
                int size = count == 1 && random.Next(20) == 0 ? random.Next(80_000) : random.Next(60);
                ulong publisher = (ulong)random.Next(1, 100);
                uint ttl = random.Next(4) == 0 ? (uint)random.Next(1, 50) : 0;
                ulong number = model.Publish(publisher, count);
                queue.Enqueue(Runs.Of(_topic, Runs.Body(count, size), publisher, number, now, timeToLiveMs: ttl));
            }
            else if (queue.TryPeek(now, out EventRun run))
            {
                model.TakeGaps(queue);
                int taken = random.Next(3) == 0 ? random.Next(1, run.Count + 1) : run.Count;
                model.Deliver(run, taken);
                queue.Dequeue(taken);
            }

            queue.AssertInvariants();
        }

        while (queue.TryPeek(ulong.MaxValue >> 1, out EventRun run))
        {
            model.TakeGaps(queue);
            model.Deliver(run, run.Count);
            queue.Dequeue();
        }

        model.TakeGaps(queue);
        model.AssertAccounted();
        Assert.Equal(queue.MatchedEvents, queue.DeliveredEvents + queue.DroppedEventsSum);
        queue.Dispose();
        Assert.Equal(0, _pool.RentedBytes);
    }

    private static (string Texts, ulong Number, RunFlags Flags) Next(SubscriptionQueue queue)
    {
        Assert.True(queue.TryPeek(0, out EventRun run));
        var next = (RecordingTarget.Texts(run.Body), run.Number, run.Flags);
        queue.Dequeue();
        return next;
    }
}
