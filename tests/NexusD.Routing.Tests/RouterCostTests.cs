using NexusD.Protocol;
using NexusD.Routing.Tests.Support;
using Xunit;

namespace NexusD.Routing.Tests;

/// <summary>
/// What an event and a subscription may cost. Memory is the process's, so nothing else runs meanwhile.
/// </summary>
[Collection(nameof(RouterCostTests))]
[CollectionDefinition(nameof(RouterCostTests), DisableParallelization = true)]
public sealed class RouterCostTests
{
    private readonly Router _router = Mesh.Router();

    [Theory]
    [InlineData(RunFlags.None)]
    [InlineData(RunFlags.Retain)]
    public void PublishingAllocatesNothingInSteadyState(RunFlags flags)
    {
        const int Events = 1_000_000;
        var targets = new CountingTarget[4];
        for (int i = 0; i < targets.Length; i++)
        {
            targets[i] = new CountingTarget();
            _router.Subscribe(targets[i], Mesh.Filter($"a/{(i % 2 == 0 ? "#" : "*")}"));
        }

        var link = new CountingTarget();
        _router.AddPeer(link);
        Topic[] topics = [.. Enumerable.Range(0, 100).Select(i => _router.Topic($"a/{i}"))];
        byte[] body = Runs.Body("0123456789");
        PublishAll(topics, body, 1, 1000, flags);

        long before = GC.GetAllocatedBytesForCurrentThread();
        PublishAll(topics, body, 1001, Events, flags);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        // The runtime may allocate a little on this thread when it replaces a method by a better one; an event that
        // allocated would cost 24 bytes a time.
        Assert.InRange(allocated, 0, Events / 100);
        Assert.All(targets, target => Assert.Equal(Events + 1000, target.Events));
        Assert.Equal(flags == RunFlags.Retain ? Events + 1000 : 0, link.Events);
        Assert.Equal(100, _router.GetStatistics().ResolvedRoutes);
    }

    [Fact]
    public void EventsFromPeersAllocateNothingInSteadyState()
    {
        var target = new CountingTarget();
        _router.Subscribe(target, Mesh.Filter("a/#"));
        Topic[] topics = [.. Enumerable.Range(0, 10).Select(i => _router.Topic($"a/{i}"))];
        byte[] body = Runs.Body("0123456789");
        int number = 0;
        long allocated = Allocations.Least(() =>
        {
            long inPublish = 0;
            for (int i = 0; i < 30_000; i++)
            {
                ulong publisher = (ulong)(++number % 3) + 1;
                long before = GC.GetAllocatedBytesForCurrentThread();
                _router.PublishFromPeer(Runs.Of(topics[number % 10], body, publisher, (ulong)number));
                inPublish += GC.GetAllocatedBytesForCurrentThread() - before;
            }

            return inPublish;
        });

        Assert.Equal(0, allocated);
        Assert.Equal(number, target.Events);
    }

    [Fact]
    public void UnrelatedSubscriptionsLeaveARouteAlone()
    {
        Topic topic = _router.Topic("a/b/c");
        _router.Subscriber("a/b/#");
        _router.Publish("a/b/c", "x");
        long resolved = _router.GetStatistics().ResolvedRoutes;
        int moved = 0;
        for (int i = 0; i < 200; i++)
        {
            _router.Subscriber($"x{i}/#", $"a/b{i}/*", $"a/b/c{i}");
            _router.Publish(Runs.Of(topic, Runs.Body("x")));
            moved = (int)(_router.GetStatistics().ResolvedRoutes - resolved);
        }

        // A counter shared by chance may move it: 600 changes over 4,096 counters of which the topic watches three.
        Assert.InRange(moved, 0, 20);
    }

    [Fact]
    public void AHundredThousandSubscriptionsTakeModestMemory()
    {
        const int Count = 100_000;
        var targets = new CountingTarget[Count];
        for (int i = 0; i < Count; i++)
        {
            targets[i] = new CountingTarget();
        }

        long before = GC.GetTotalMemory(forceFullCollection: true);
        for (int i = 0; i < Count; i++)
        {
            _router.Subscribe(targets[i], Mesh.Filter($"site/{i % 100}/sensor-{i}"));
        }

        long perSubscription = (GC.GetTotalMemory(forceFullCollection: true) - before) / Count;
        Assert.InRange(perSubscription, 50, 320);
        Assert.Equal(new PublishOutcome(1, 0), _router.Publish("site/7/sensor-7", "x"));
        foreach (CountingTarget target in targets)
        {
            _router.Unsubscribe(target);
        }

        Assert.Equal(0, _router.LocalInterest.Count);
        GC.KeepAlive(targets);
    }

    [Fact]
    public void ATargetThatLeftIsNotKeptByRoutesOfQuietTopics()
    {
        for (int i = 0; i < 20; i++)
        {
            _router.Topic($"a/{i}");
        }

        WeakReference gone = SubscribePublishAndLeave();
        for (int i = 0; i < 10; i++)
        {
            RecordingTarget other = _router.Subscriber("other");
            _router.Unsubscribe(other);
        }

        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        Assert.False(gone.IsAlive);
    }

    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
    private WeakReference SubscribePublishAndLeave()
    {
        var target = new CountingTarget();
        _router.Subscribe(target, Mesh.Filter("a/#"));
        for (int i = 0; i < 20; i++)
        {
            _router.Publish($"a/{i}", "x");
        }

        _router.Unsubscribe(target);
        return new WeakReference(target);
    }

    private void PublishAll(Topic[] topics, byte[] body, int first, int count, RunFlags flags)
    {
        for (int i = first; i < first + count; i++)
        {
            _router.Publish(new EventRun
            {
                Topic = topics[i % topics.Length],
                Publisher = 1,
                Number = (ulong)i,
                Timestamp = (ulong)i << 16,
                Count = 1,
                Flags = flags,
                Body = body,
            });
        }
    }
}
