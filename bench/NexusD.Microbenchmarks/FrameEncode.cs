using BenchmarkDotNet.Attributes;
using NexusD.Protocol;
using NexusD.Protocol.App;
using NexusD.Protocol.Frames;

namespace NexusD.Microbenchmarks;

/// <summary>
/// Station "written": a client folds events into a frame; the daemon puts a header before a run that it has, and
/// declares an alias. Figures are per frame.
/// </summary>
[MemoryDiagnoser]
[MinColumn]
[MedianColumn]
public class FrameEncode
{
    private readonly byte[] _frame = new byte[ProtocolLimits.MaxRunFrameBytes];
    private readonly byte[] _payload = new byte[EventBodies.PayloadBytes];
    private readonly byte[] _topic = "site/alpha/line7/press2/temperature"u8.ToArray();
    private byte[] _body = [];

    [Params(1, 100)]
    public int EventsInRun { get; set; }

    [GlobalSetup]
    public void Fill() => _body = EventBodies.Of(EventsInRun);

    [Benchmark]
    public int Publish()
    {
        int end = PublishFrame.HeaderBytes;
        for (int i = 0; i < EventsInRun; i++)
        {
            end += EventRunBody.Write(_frame.AsSpan(end), _payload);
        }

        PublishFrame.WriteHeader(_frame, end, RunFlags.None, 0, 7);
        return end;
    }

    [Benchmark]
    public int Deliver()
    {
        int bytes = DeliverFrame.HeaderBytes + _body.Length;
        DeliverFrame.WriteHeader(_frame, bytes, RunFlags.None, 0, 1, 7, 3, 4, 5);
        _body.CopyTo(_frame.AsSpan(DeliverFrame.HeaderBytes));
        return bytes;
    }

    [Benchmark]
    public int Topic() => new TopicFrame(7, _topic).Write(_frame);
}
