using BenchmarkDotNet.Attributes;
using NexusD.Buffers;
using NexusD.Protocol.Topics;
using NexusD.Routing;

namespace NexusD.Microbenchmarks;

/// <summary>Station "handed out": a run with a valid route goes to 1, 4 or 16 targets. Figures are per run.</summary>
[MemoryDiagnoser]
[MinColumn]
[MedianColumn]
public class FanOut
{
    private readonly Router _router = new(new RouterOptions(), new SlabPool());
    private Topic _topic = null!;
    private byte[] _body = [];
    private ulong _number = 1;

    [Params(1, 4, 16)]
    public int Targets { get; set; }

    [Params(1, 100)]
    public int EventsInRun { get; set; }

    [GlobalSetup]
    public void Fill()
    {
        _body = EventBodies.Of(EventsInRun);
        _topic = _router.Intern("a/b/c"u8);
        for (int i = 0; i < Targets; i++)
        {
            _router.Subscribe(new CountingTarget(), TopicFilter.Parse("a/b/#"));
        }
    }

    [Benchmark]
    public PublishOutcome Publish()
    {
        ulong number = _number;
        _number += (ulong)EventsInRun;
        return _router.Publish(new EventRun
        {
            Topic = _topic,
            Publisher = 1,
            Number = number,
            Timestamp = number,
            Count = EventsInRun,
            Body = _body,
        });
    }
}
