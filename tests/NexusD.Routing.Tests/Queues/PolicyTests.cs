using NexusD.Buffers;
using NexusD.Protocol;
using NexusD.Routing.Queues;
using NexusD.Routing.Tests.Support;
using Xunit;

namespace NexusD.Routing.Tests.Queues;

/// <summary>Overflow policies and priority classes, against a model and by example.</summary>
public sealed class PolicyTests : ILossListener
{
    private const int SeedsPerPolicy = 150;

    private readonly SlabPool _pool = new();
    private readonly Topic[] _topics = [.. Enumerable.Range(0, 12).Select(n => Mesh.Router().Topic($"t/{n}"))];
    private readonly Dictionary<DropReason, long> _heard = [];

    public static TheoryData<OverflowPolicy> Policies =>
        [OverflowPolicy.DropOldest, OverflowPolicy.DropNewest, OverflowPolicy.Conflate];

    void ILossListener.OnLost(ulong publisher, ulong number, int count, DropReason reason) =>
        _heard[reason] = _heard.GetValueOrDefault(reason) + count;

    [Theory]
    [MemberData(nameof(Policies))]
    public void AQueueDoesWhatItsModelDoes(OverflowPolicy policy)
    {
        for (int seed = 0; seed < SeedsPerPolicy; seed++)
        {
            try
            {
                _heard.Clear();
                Compare(policy, new Random(seed));
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"{policy}, seed {seed}: {e.Message}", e);
            }
        }
    }

    [Fact]
    public void HighGoesBeforeNormalBeforeLow_AndAFullQueueDropsTheLowestFirst()
    {
        using var queue = new SubscriptionQueue(new QueueSettings(4, 0), _pool, "here");
        Put(queue, "l1", 1, Priority.Low);
        Put(queue, "n1", 2, Priority.Normal);
        Put(queue, "h1", 3, Priority.High);
        Put(queue, "n2", 4, Priority.Normal);
        Put(queue, "h2", 5, Priority.High);
        Put(queue, "l2", 6, Priority.Low);

        Assert.Equal("h1 h2 n1 n2", Drain(queue));
        Assert.Equal(2, queue.DroppedEvents(DropReason.QueueFull));
        queue.AssertInvariants();
    }

    [Fact]
    public void DropNewestTakesWhatFitsFromTheStartOfARun()
    {
        using var queue = new SubscriptionQueue(new QueueSettings(3, 0, OverflowPolicy.DropNewest), _pool, "here");
        queue.Enqueue(Runs.Of(_topics[0], Runs.Body("1", "2"), number: 1));
        queue.Enqueue(Runs.Of(_topics[0], Runs.Body("3", "4", "5"), number: 3));

        Assert.True(queue.TryTakeGap(out GapNotice gap));
        Assert.Equal(new GapNotice(1, 4, 5, 2, DropReason.QueueFull, "here"), gap);
        Assert.Equal("1,2 3", Drain(queue));
    }

    [Fact]
    public void ConflationKeepsTheLatestOfEachTopicInItsPlace_AndTellsASum()
    {
        using var queue = new SubscriptionQueue(
            new QueueSettings(10, 0, OverflowPolicy.Conflate), _pool, "here", this);
        queue.Enqueue(Runs.Of(_topics[0], Runs.Body("a1", "a2"), number: 1));
        queue.Enqueue(Runs.Of(_topics[1], Runs.Body("b1"), publisher: 2, number: 1));
        queue.Enqueue(Runs.Of(_topics[0], Runs.Body("a3, longer than before"), number: 3));

        Assert.Equal(2, queue.Events);
        Assert.True(queue.TryTakeGap(out GapNotice gap));
        Assert.Equal(new GapNotice(0, 0, 0, 2, DropReason.Conflated, "here"), gap);
        Assert.False(queue.TryTakeGap(out _));
        Assert.Equal("a3, longer than before b1", Drain(queue));
        Assert.Empty(_heard);
    }

    [Fact]
    public void AGrowingConflatedEventDropsTheOldestOthersWhenBytesRunOut()
    {
        using var queue = new SubscriptionQueue(new QueueSettings(10, 0, OverflowPolicy.Conflate), _pool, "here");
        for (int topic = 0; topic < 3; topic++)
        {
            queue.Enqueue(Runs.Of(_topics[topic], Runs.Body(1, 20_000), number: (ulong)topic + 1));
        }

        queue.Enqueue(Runs.Of(_topics[1], Runs.Body(1, 40_000), number: 4));
        queue.AssertInvariants();
        Assert.Equal(
            (1, 1), (queue.DroppedEvents(DropReason.QueueFull), queue.DroppedEvents(DropReason.Conflated)));
        Assert.True(queue.TryPeek(0, out EventRun first));
        Assert.Equal(4UL, first.Number);
    }

    [Fact]
    public void WhatWentBeyondTheBoundIsGivenUpFromItsEnd()
    {
        var queue = new SubscriptionQueue(new QueueSettings(4, 0, OverflowPolicy.Block), _pool, "here", this);
        queue.Enqueue(Runs.Of(_topics[0], Runs.Body("1", "2", "3"), number: 1));
        EventRun late = Runs.Of(_topics[0], Runs.Body("4", "5", "6"), number: 4);
        Assert.False(queue.HasRoomFor(late));
        Assert.True(queue.EnqueueBeyond(late));
        Assert.False(queue.IsRelieved);
        queue.GiveUpBeyond(1, 6, Priority.Normal, DropReason.BlockTimeout);

        Assert.Equal(4, queue.Events);
        Assert.True(queue.TryTakeGap(out GapNotice gap));
        Assert.Equal(new GapNotice(1, 5, 6, 2, DropReason.BlockTimeout, "here"), gap);
        queue.AssertInvariants();
        Assert.Equal("1,2,3 4", Drain(queue));
        Assert.True(queue.IsRelieved);
        queue.Dispose();
        Assert.Equal(0, _pool.RentedBytes);
    }

    [Fact]
    public void ADisposedQueueCountsWhatWaited()
    {
        var queue = new SubscriptionQueue(new QueueSettings(10, 0), _pool, "here", this);
        queue.Enqueue(Runs.Of(_topics[0], Runs.Body("1", "2"), number: 1));
        Put(queue, "3", 3, Priority.High);
        queue.Dispose();

        Assert.Equal(3, queue.DroppedEvents(DropReason.SessionClosed));
        Assert.Equal(3, _heard[DropReason.SessionClosed]);
        Assert.Equal((3, 3), (queue.MatchedEvents, queue.DroppedEventsSum));
        Assert.Equal(0, _pool.RentedBytes);
    }

    private void Compare(OverflowPolicy policy, Random random)
    {
        int bound = random.Next(1, 60);
        var queue = new SubscriptionQueue(new QueueSettings(bound, 1 << 30, policy), _pool, "here", this);
        var model = new PolicyModel(policy, bound);
        var numbers = new ulong[5];
        long delivered = 0;
        for (int step = 0; step < 300; step++)
        {
            if (random.Next(100) < 60)
            {
                Enqueue(queue, model, numbers, step, random);
            }
            else
            {
                delivered += Dequeue(queue, model, step, random);
            }

            queue.AssertInvariants();
            Assert.Equal(model.Count, queue.Events);
            Assert.Equal(queue.MatchedEvents, delivered + queue.Events + model.DroppedSum);
            foreach ((DropReason reason, long events) in model.Dropped)
            {
                Assert.Equal(events, queue.DroppedEvents(reason));
                Assert.Equal(reason == DropReason.Conflated ? 0 : events, _heard.GetValueOrDefault(reason));
            }
        }

        int left = queue.Events;
        queue.Dispose();
        Assert.Equal(left, queue.DroppedEvents(DropReason.SessionClosed));
        Assert.Equal(0, _pool.RentedBytes);
    }

    private void Enqueue(SubscriptionQueue queue, PolicyModel model, ulong[] numbers, int step, Random random)
    {
        int topic = random.Next(_topics.Length);
        int publisher = random.Next(numbers.Length);
        int count = random.Next(8) == 0 ? random.Next(1, 80) : random.Next(1, 5);
        var priority = (Priority)random.Next(3);
        uint ttl = random.Next(4) == 0 ? (uint)random.Next(1, 40) : 0;
        ulong first = numbers[publisher] + 1;
        numbers[publisher] += (ulong)count;
        long due = ttl == 0 ? long.MaxValue : step + ttl;
        var events = Enumerable.Range(0, count)
            .Select(n => new PolicyModel.Waiting(topic, (ulong)publisher + 1, first + (ulong)n, due));
        model.Enqueue([.. events], priority, step);
        queue.Enqueue(Runs.Of(
            _topics[topic], Runs.Body(count, random.Next(40)), (ulong)publisher + 1, first,
            HybridClock.FromUnixMs(step), timeToLiveMs: ttl, priority: priority));
    }

    private int Dequeue(SubscriptionQueue queue, PolicyModel model, int step, Random random)
    {
        bool has = queue.TryPeek(HybridClock.FromUnixMs(step), out EventRun run);
        PolicyModel.Waiting? expected = model.Peek(step);
        Assert.Equal(expected is not null, has);
        if (!has)
        {
            return 0;
        }

        int taken = random.Next(1, run.Count + 1);
        for (int i = 0; i < taken; i++)
        {
            expected = model.Peek(step)!;
            Assert.Equal(
                (expected.Publisher, expected.Number, _topics[expected.Topic]),
                (run.Publisher, run.Number + (ulong)i, run.Topic));
            model.Dequeue();
        }

        queue.Dequeue(taken);
        return taken;
    }

    private void Put(SubscriptionQueue queue, string text, ulong number, Priority priority) =>
        queue.Enqueue(Runs.Of(_topics[0], Runs.Body(text), number: number, priority: priority));

    private static string Drain(SubscriptionQueue queue)
    {
        var texts = new List<string>();
        while (queue.TryPeek(0, out EventRun run))
        {
            texts.Add(RecordingTarget.Texts(run.Body));
            queue.Dequeue();
        }

        return string.Join(' ', texts);
    }
}
