using BenchmarkDotNet.Attributes;
using NexusD.Buffers;
using NexusD.Routing;
using NexusD.Routing.Queues;

namespace NexusD.Microbenchmarks;

/// <summary>
/// Station "local subscriber queued": runs of 100-byte events that wait for a slow subscriber. Figures are per event.
/// </summary>
[MemoryDiagnoser]
[MinColumn]
[MedianColumn]
public class QueueEnqueue : IDisposable
{
    private const int Events = 30_000;

    private readonly SlabPool _pool = new(64 * 1024 * 1024);
    private readonly Topic _topic;
    private byte[] _body = [];
    private SubscriptionQueue _stuck = null!;
    private ulong _number = 1;

    public QueueEnqueue() => _topic = new Router(new RouterOptions(), _pool).Intern("a/b/c"u8);

    [Params(1, 100)]
    public int EventsInRun { get; set; }

    [GlobalSetup]
    public void Fill()
    {
        _body = EventBodies.Of(EventsInRun);
        _stuck = new SubscriptionQueue(new QueueSettings(65_536, 16 * 1024 * 1024), _pool);
        for (int i = 0; i < 8; i++)
        {
            EnqueueWhenStuck();
        }
    }

    [Benchmark(OperationsPerInvoke = Events)]
    public long EnqueueAndDrain()
    {
        using var queue = new SubscriptionQueue(new QueueSettings(65_536, 16 * 1024 * 1024), _pool);
        EnqueueAll(queue);
        while (queue.TryPeek(0, out _))
        {
            queue.Dequeue();
        }

        return queue.DeliveredEvents;
    }

    [Benchmark(OperationsPerInvoke = Events)]
    public long EnqueueWhenStuck()
    {
        EnqueueAll(_stuck);
        return _stuck.Bytes;
    }

    [GlobalCleanup]
    public void Dispose()
    {
        _stuck?.Dispose();
        GC.SuppressFinalize(this);
    }

    private void EnqueueAll(SubscriptionQueue queue)
    {
        for (int i = 0; i < Events; i += EventsInRun)
        {
            queue.Enqueue(new EventRun
            {
                Topic = _topic,
                Publisher = 1,
                Number = _number,
                Timestamp = _number,
                Count = EventsInRun,
                Body = _body,
            });
            _number += (ulong)EventsInRun;
        }
    }
}
