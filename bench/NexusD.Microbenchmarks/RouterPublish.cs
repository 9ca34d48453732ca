using System.Text;
using BenchmarkDotNet.Attributes;
using NexusD.Buffers;
using NexusD.Protocol.Topics;
using NexusD.Routing;

namespace NexusD.Microbenchmarks;

/// <summary>
/// Station "routed": a run of one event to 1, 4 or 16 targets; with a valid route, with other subscriptions held, and
/// with a subscription under the same branch that comes and goes before each event, so that each resolves its route
/// again.
/// </summary>
[MemoryDiagnoser]
[MinColumn]
[MedianColumn]
public class RouterPublish
{
    private readonly Router _router = new(new RouterOptions(), new SlabPool());
    private readonly CountingTarget _passing = new();
    private readonly TopicFilter _related = TopicFilter.Parse("a/b/*");
    private readonly TopicFilter _unrelated = TopicFilter.Parse("x/y/*");
    private readonly byte[] _body = new byte[104];
    private Topic _topic = null!;
    private ulong _number;

    [Params(1, 4, 16)]
    public int FanOut { get; set; }

    [Params(0, 100_000)]
    public int OtherSubscriptions { get; set; }

    [GlobalSetup]
    public void Fill()
    {
        _body[0] = 100;
        _topic = _router.Intern("a/b/c"u8);
        for (int i = 0; i < FanOut; i++)
        {
            _router.Subscribe(new CountingTarget(), TopicFilter.Parse("a/b/#"));
        }

        for (int i = 0; i < OtherSubscriptions; i++)
        {
            TopicFilter.TryParse(Encoding.UTF8.GetBytes($"o/{i % 1000}/{i}"), out TopicFilter? filter);
            _router.Subscribe(new CountingTarget(), filter!);
        }
    }

    [Benchmark(Baseline = true)]
    public PublishOutcome Publish()
    {
        _number++;
        return _router.Publish(new EventRun
        {
            Topic = _topic,
            Publisher = 1,
            Number = _number,
            Timestamp = _number,
            Count = 1,
            Body = _body,
        });
    }

    [Benchmark]
    public PublishOutcome PublishAfterUnrelatedChange() => PublishAfterChangeOf(_unrelated);

    [Benchmark]
    public PublishOutcome PublishAfterRelatedChange() => PublishAfterChangeOf(_related);

    private PublishOutcome PublishAfterChangeOf(TopicFilter filter)
    {
        _router.Subscribe(_passing, filter);
        _router.Unsubscribe(_passing, filter);
        return Publish();
    }
}
