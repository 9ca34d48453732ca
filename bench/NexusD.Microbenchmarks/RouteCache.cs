using System.Text;
using BenchmarkDotNet.Attributes;
using NexusD.Buffers;
using NexusD.Protocol.Topics;
using NexusD.Routing;

namespace NexusD.Microbenchmarks;

/// <summary>
/// Station "routed": a run of one event to one target, with few or many other subscriptions held. <c>Hit</c>: the route
/// is known. <c>HitAfterUnrelatedChange</c>: before each event a subscription under another branch comes and goes; that
/// must not cost the route. <c>Miss</c>: one under the same branch does, so that each event resolves its route again.
/// The two changes alone are <c>Change</c>.
/// </summary>
[MemoryDiagnoser]
[MinColumn]
[MedianColumn]
public class RouteCache
{
    private readonly Router _router = new(new RouterOptions(), new SlabPool());
    private readonly CountingTarget _passing = new();
    private readonly TopicFilter _related = TopicFilter.Parse("a/b/*");
    private readonly TopicFilter _unrelated = TopicFilter.Parse("x/y/*");
    private readonly byte[] _body = EventBodies.Of(1);
    private Topic _topic = null!;
    private ulong _number;

    [Params(0, 100_000)]
    public int OtherSubscriptions { get; set; }

    [GlobalSetup]
    public void Fill()
    {
        _topic = _router.Intern("a/b/c"u8);
        _router.Subscribe(new CountingTarget(), TopicFilter.Parse("a/b/#"));
        for (int i = 0; i < OtherSubscriptions; i++)
        {
            TopicFilter.TryParse(Encoding.UTF8.GetBytes($"o/{i % 1000}/{i}"), out TopicFilter? filter);
            _router.Subscribe(new CountingTarget(), filter!);
        }
    }

    [Benchmark(Baseline = true)]
    public PublishOutcome Hit()
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
    public PublishOutcome HitAfterUnrelatedChange()
    {
        ComeAndGo(_unrelated);
        return Hit();
    }

    [Benchmark]
    public PublishOutcome Miss()
    {
        ComeAndGo(_related);
        return Hit();
    }

    [Benchmark]
    public void Change() => ComeAndGo(_unrelated);

    private void ComeAndGo(TopicFilter filter)
    {
        _router.Subscribe(_passing, filter);
        _router.Unsubscribe(_passing, filter);
    }
}
