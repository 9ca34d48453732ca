using NexusD.Protocol.App;
using NexusD.Protocol.Frames;
using NexusD.Protocol.Peer;
using NexusD.Protocol.Topics;

namespace NexusD.Protocol.Tests;

/// <summary>What runs for each frame of the data path allocates nothing.</summary>
public sealed class ZeroAllocationTests
{
    private const int Rounds = 10_000;

    private readonly byte[] _frame = new byte[4096];
    private readonly TopicFilter _filter = TopicFilter.Parse("sensors/*/#");

    [Fact]
    public void PublishAndItsParts() => AssertNone(() =>
    {
        Span<byte> frame = _frame;
        PropertyWriter properties = new(frame[PublishFrame.HeaderBytes..]);
        properties.Write(PropertyId.Topic, "sensors/s-17"u8);
        properties.Write(PropertyId.ContentType, "text/plain"u8);
        properties.WriteEventHeader("key"u8, "value"u8);
        properties.Write(PropertyId.TimeToLive, 500u);
        properties.Write(PropertyId.Priority, (byte)Priority.High);
        int size = PublishFrame.HeaderBytes + properties.Written;
        size += EventRunBody.Write(frame[size..], "one"u8);
        size += EventRunBody.Write(frame[size..], "two"u8);
        PublishFrame.WriteHeader(frame, size, RunFlags.Retain, properties.Written, 0);

        bool good = FrameHeader.TryCut(frame, ProtocolLimits.DefaultMaxFrameBytes, out FrameHeader header)
                == FrameStatus.Complete
            & PublishFrame.TryRead(frame[..header.FrameBytes], out PublishFrame publish) == ErrorCode.None
            & EventProperties.TryRead(publish.Properties, publish.Alias, out EventProperties read) == ErrorCode.None
            & TopicName.Validate(read.Topic) == TopicError.None
            & _filter.Matches(read.Topic)
            & EventRunBody.Validate(publish.Body, 100, size, out int count) == ErrorCode.None;
        RunReader events = new(publish.Body);
        while (events.TryRead(out ReadOnlySpan<byte> payload))
        {
            good &= payload.Length == 3;
            count--;
        }

        return good & count == 0;
    });

    [Fact]
    public void DeliverAndForward() => AssertNone(() =>
    {
        Span<byte> frame = _frame;
        int size = DeliverFrame.HeaderBytes + EventRunBody.Write(frame[DeliverFrame.HeaderBytes..], "one"u8);
        DeliverFrame.WriteHeader(frame, size, RunFlags.None, 0, 1, 2, 3, 4, 5);
        bool good = DeliverFrame.TryRead(frame[..size], out DeliverFrame deliver) == ErrorCode.None
            & deliver.Number == 4;
        ForwardFrame.WriteHeader(frame, size, RunFlags.None, 0, 2, 3, 4, 5);
        return good & ForwardFrame.TryRead(frame[..size], out ForwardFrame forward) == ErrorCode.None
            & forward.Body.Length == 7;
    });

    [Fact]
    public void SmallFrames() => AssertNone(() =>
    {
        Span<byte> frame = _frame;
        int size = new TopicFrame(7, "a/b"u8).Write(frame);
        bool good = TopicFrame.TryRead(frame[..size], out TopicFrame topic) == ErrorCode.None && topic.Alias == 7;
        size = new CreditFrame(1, 2).Write(frame);
        good &= CreditFrame.TryRead(frame[..size], out CreditFrame credit) == ErrorCode.None && credit.Bytes == 2;
        size = new AckFrame { Number = 9, Count = 1 }.Write(frame);
        good &= AckFrame.TryRead(frame[..size], out AckFrame ack) == ErrorCode.None && ack.Number == 9;
        size = new GapFrame { Publisher = 1, From = 1, To = 2, Count = 2, Where = "n"u8 }.Write(frame);
        good &= GapFrame.TryRead(frame[..size], out GapFrame gap) == ErrorCode.None && gap.Count == 2;
        size = new PeerPingFrame(1, 2, true).Write(frame);
        return good & PeerPingFrame.TryRead(frame[..size], out PeerPingFrame ping) == ErrorCode.None & ping.Opaque == 1;
    });

    private static void AssertNone(Func<bool> round)
    {
        // The first rounds compile the code and fill caches.
        for (int warm = 0; warm < 100; warm++)
        {
            Assert.True(round());
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        bool good = true;
        for (int number = 0; number < Rounds; number++)
        {
            good &= round();
        }

        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(good);
        Assert.Equal(0, allocated);
    }
}
