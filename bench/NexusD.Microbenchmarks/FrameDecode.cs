using BenchmarkDotNet.Attributes;
using NexusD.Protocol;
using NexusD.Protocol.App;
using NexusD.Protocol.Peer;

namespace NexusD.Microbenchmarks;

/// <summary>
/// Station "read": a frame is cut off the stream, its header read, its run checked or walked. Figures are per frame.
/// </summary>
[MemoryDiagnoser]
[MinColumn]
[MedianColumn]
public class FrameDecode
{
    private byte[] _publish = [];
    private byte[] _deliver = [];
    private byte[] _forward = [];

    [Params(1, 100)]
    public int EventsInRun { get; set; }

    [GlobalSetup]
    public void Fill()
    {
        byte[] body = EventBodies.Of(EventsInRun);
        _publish = [.. new byte[PublishFrame.HeaderBytes], .. body];
        PublishFrame.WriteHeader(_publish, _publish.Length, RunFlags.None, 0, 7);
        _deliver = [.. new byte[DeliverFrame.HeaderBytes], .. body];
        DeliverFrame.WriteHeader(_deliver, _deliver.Length, RunFlags.None, 0, 1, 7, 3, 4, 5);
        _forward = [.. new byte[ForwardFrame.HeaderBytes], .. body];
        ForwardFrame.WriteHeader(_forward, _forward.Length, RunFlags.None, 0, 7, 3, 4, 5);
    }

    /// <summary>What the daemon does with an application's frame.</summary>
    [Benchmark]
    public int Publish()
    {
        FrameHeader.TryCut(_publish, ProtocolLimits.DefaultMaxFrameBytes, out FrameHeader header);
        PublishFrame.TryRead(_publish.AsSpan(0, header.FrameBytes), out PublishFrame frame);
        EventRunBody.Validate(frame.Body, ProtocolLimits.DefaultMaxPayloadBytes, header.FrameBytes, out int count);
        return count;
    }

    /// <summary>What the daemon does with another daemon's frame.</summary>
    [Benchmark]
    public int Forward()
    {
        FrameHeader.TryCut(_forward, ProtocolLimits.DefaultMaxFrameBytes, out FrameHeader header);
        ForwardFrame.TryRead(_forward.AsSpan(0, header.FrameBytes), out ForwardFrame frame);
        EventRunBody.Validate(
            frame.Body,
            ProtocolLimits.DefaultMaxPayloadBytes,
            header.FrameBytes,
            out int count,
            ProtocolLimits.MaxGrownRunFrameBytes);
        return count;
    }

    /// <summary>What a client does with the daemon's frame: it looks at every payload.</summary>
    [Benchmark]
    public int Deliver()
    {
        FrameHeader.TryCut(_deliver, ProtocolLimits.DefaultMaxFrameBytes, out FrameHeader header);
        DeliverFrame.TryRead(_deliver.AsSpan(0, header.FrameBytes), out DeliverFrame frame);
        RunReader run = new(frame.Body);
        int bytes = 0;
        while (run.TryRead(out ReadOnlySpan<byte> payload))
        {
            bytes += payload.Length;
        }

        return bytes;
    }
}
