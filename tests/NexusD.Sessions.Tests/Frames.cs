using System.Text;
using NexusD.Protocol;
using NexusD.Protocol.App;
using NexusD.Protocol.Frames;
using NexusD.Protocol.Greetings;

namespace NexusD.Sessions.Tests;

/// <summary>Frames of a client as bytes.</summary>
internal static class Frames
{
    public static byte[] Greeting(byte min = 1, byte max = 1)
    {
        var bytes = new byte[ClientGreeting.Size];
        new ClientGreeting(min, max).Write(bytes);
        return bytes;
    }

    public static byte[] Hello(
        ulong publisher = 0, ulong nextNumber = 1, uint? maxAliases = null, uint? maxFrame = null, string name = "raw")
    {
        var frame = new HelloFrame
        {
            ClientName = Encoding.UTF8.GetBytes(name),
            ClientLibrary = "test/1"u8,
            PublisherId = publisher,
            NextNumber = nextNumber,
        };
        frame.MaxAliases = maxAliases ?? frame.MaxAliases;
        frame.MaxFrame = maxFrame ?? frame.MaxFrame;
        var bytes = new byte[frame.FrameBytes];
        frame.Write(bytes);
        return bytes;
    }

    public static byte[] Topic(uint alias, string topic)
    {
        var frame = new TopicFrame(alias, Encoding.UTF8.GetBytes(topic));
        var bytes = new byte[frame.FrameBytes];
        frame.Write(bytes);
        return bytes;
    }

    /// <summary>A PUBLISH with an alias.</summary>
    public static byte[] Publish(uint alias, RunFlags flags, params byte[][] payloads) =>
        PublishWith(alias, flags, [], payloads);

    /// <summary>A PUBLISH with the topic as text.</summary>
    public static byte[] Publish(string topic, RunFlags flags, params byte[][] payloads) =>
        PublishWith(0, flags, Property(PropertyId.Topic, Encoding.UTF8.GetBytes(topic)), payloads);

    public static byte[] PublishWith(uint alias, RunFlags flags, byte[] properties, params byte[][] payloads)
    {
        int frameBytes = PublishFrame.HeaderBytes + properties.Length + payloads.Sum(p => 4 + p.Length);
        var bytes = new byte[frameBytes];
        int offset = PublishFrame.WriteHeader(bytes, frameBytes, flags, properties.Length, alias);
        properties.CopyTo(bytes, offset);
        offset += properties.Length;
        foreach (byte[] payload in payloads)
        {
            offset += EventRunBody.Write(bytes.AsSpan(offset), payload);
        }

        return bytes;
    }

    public static byte[] Property(byte id, byte[] value)
    {
        var bytes = new byte[PropertyWriter.Size(value.Length)];
        new PropertyWriter(bytes).Write(id, value);
        return bytes;
    }

    public static byte[] Subscribe(uint id, params string[] filters) => Subscribe(id, 0, 0, 0, false, filters);

    public static byte[] Subscribe(
        uint id, uint credit, uint queueEvents, uint queueBytes, bool noRetained, params string[] filters) =>
        Subscribe(new SubscribeFrame
        {
            Subscription = id,
            Credit = credit,
            QueueEvents = queueEvents,
            QueueBytes = queueBytes,
            NoRetained = noRetained,
        }, filters);

    /// <summary>A subscription with an overflow policy.</summary>
    public static byte[] Subscribe(
        uint id,
        uint credit,
        uint queueEvents,
        OverflowPolicy overflow,
        uint? blockTimeoutMs,
        params string[] filters) =>
        Subscribe(new SubscribeFrame
        {
            Subscription = id,
            Credit = credit,
            QueueEvents = queueEvents,
            Overflow = overflow,
            BlockTimeoutMs = blockTimeoutMs,
        }, filters);

    /// <summary>A subscription with whatever the frame says.</summary>
    public static byte[] Subscribe(SubscribeFrame frame, params string[] filters)
    {
        byte[][] texts = [.. filters.Select(Encoding.UTF8.GetBytes)];
        var list = new byte[texts.Sum(t => FilterListReader.Size(t.Length))];
        int offset = 0;
        foreach (byte[] text in texts)
        {
            offset += FilterListReader.Write(list.AsSpan(offset), text);
        }

        frame = frame with { Filters = list };
        var bytes = new byte[frame.FrameBytes];
        frame.Write(bytes);
        return bytes;
    }

    public static byte[] Unsubscribe(uint id)
    {
        var bytes = new byte[UnsubscribeFrame.FrameBytes];
        new UnsubscribeFrame(id).Write(bytes);
        return bytes;
    }

    public static byte[] Credit(uint id, uint amount)
    {
        var bytes = new byte[CreditFrame.FrameBytes];
        new CreditFrame(id, amount).Write(bytes);
        return bytes;
    }

    public static byte[] Pause(uint id, uint milliseconds)
    {
        var bytes = new byte[PauseFrame.FrameBytes];
        new PauseFrame(id, milliseconds).Write(bytes);
        return bytes;
    }

    public static byte[] Ping(ulong opaque)
    {
        var bytes = new byte[PingFrame.FrameBytes];
        new PingFrame(opaque, isPong: false).Write(bytes);
        return bytes;
    }

    public static byte[] Query(uint request, string text)
    {
        var frame = new QueryFrame(request, Encoding.UTF8.GetBytes(text));
        var bytes = new byte[frame.FrameBytes];
        frame.Write(bytes);
        return bytes;
    }

    public static byte[] Bye() => Header(FrameKind.Bye);

    /// <summary>A frame of a header alone.</summary>
    public static byte[] Header(byte kind)
    {
        var bytes = new byte[FrameHeader.Size];
        FrameHeader.Write(bytes, FrameHeader.Size, kind);
        return bytes;
    }
}
