using System.Net;
using System.Net.Sockets;
using System.Text;
using NexusD.Protocol;
using NexusD.Protocol.App;
using NexusD.Protocol.Frames;
using NexusD.Protocol.Greetings;

namespace NexusD.Sessions.Tests;

/// <summary>An event as the client got it.</summary>
internal sealed record ReceivedEvent(
    uint Subscription, string Topic, ulong Publisher, ulong Number, ulong Timestamp, RunFlags Flags, byte[] Payload)
{
    public string Text => Encoding.UTF8.GetString(Payload);
}

/// <summary>
/// A client that speaks bytes: blocking, with time-outs that fail loudly. Keeps the aliases it was told.
/// </summary>
internal sealed class RawClient : IDisposable
{
    private readonly Socket _socket;
    private readonly Dictionary<uint, string> _topics = [];
    private readonly Queue<ReceivedEvent> _events = new();
    private byte[] _buffer = new byte[256 * 1024];
    private int _start;
    private int _end;

    public RawClient(string path)
        : this(
            new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified),
            new UnixDomainSocketEndPoint(path))
    {
    }

    public RawClient(Socket socket, EndPoint endPoint)
    {
        _socket = socket;
        _socket.ReceiveTimeout = (int)SessionFixture.Patience.TotalMilliseconds;
        _socket.SendTimeout = (int)SessionFixture.Patience.TotalMilliseconds;
        _socket.Connect(endPoint);
    }

    public ulong PublisherId { get; private set; }

    public ulong NextNumber { get; private set; }

    public int DeclaredTopics { get; private set; }

    public uint HighestAlias { get; private set; }

    /// <summary>Bytes of DELIVER frames that came.</summary>
    public long DeliveredBytes { get; private set; }

    /// <summary>NOTICE frames that came in between.</summary>
    public List<(DropReason Reason, ulong Publisher, ulong From, ulong To, ulong Count, string Where)> Notices { get; }
        = [];

    public void Send(params byte[][] frames)
    {
        foreach (byte[] frame in frames)
        {
            Send(frame.AsSpan());
        }
    }

    public void Send(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            bytes = bytes[_socket.Send(bytes)..];
        }
    }

    public void EndOutput() => _socket.Shutdown(SocketShutdown.Send);

    public void ReadGreeting()
    {
        ReadOnlySpan<byte> bytes = Read(DaemonGreeting.Size);
        Assert.Equal(ErrorCode.None, DaemonGreeting.TryRead(bytes, out DaemonGreeting greeting));
        Assert.Equal(ProtocolLimits.Version, greeting.Version);
    }

    public void ReadWelcome()
    {
        Assert.Equal(ErrorCode.None, WelcomeFrame.TryRead(NextFrame(FrameKind.Welcome), out WelcomeFrame welcome));
        PublisherId = welcome.PublisherId;
        NextNumber = welcome.NextNumber;
    }

    /// <summary>Opens a subscription and waits for the answer.</summary>
    public void Subscribe(uint id, params string[] filters)
    {
        Send(Frames.Subscribe(id, filters));
        Assert.Equal((ErrorCode.None, id, ""), NextSubscribed());
    }

    public (ErrorCode Code, uint Subscription, string Text) NextSubscribed()
    {
        byte[] frame = NextFrame(FrameKind.Subscribed);
        Assert.Equal(ErrorCode.None, SubscribedFrame.TryRead(frame, out SubscribedFrame answer));
        return (answer.Code, answer.Subscription, Encoding.UTF8.GetString(answer.Text));
    }

    public AckFrame NextAck()
    {
        Assert.Equal(ErrorCode.None, AckFrame.TryRead(NextFrame(FrameKind.Ack), out AckFrame ack));
        return ack;
    }

    public (ErrorCode Code, bool Closes, ulong Reference, string Text) NextError()
    {
        Assert.Equal(ErrorCode.None, ErrorFrame.TryRead(NextFrame(FrameKind.Error), out ErrorFrame error));
        return (error.Code, error.Closes, error.Reference, Encoding.UTF8.GetString(error.Text));
    }

    public (uint Subscription, ulong Publisher, ulong From, ulong To, ulong Count, DropReason Reason, string Where)
        NextGap()
    {
        Assert.Equal(ErrorCode.None, GapFrame.TryRead(NextFrame(FrameKind.Gap), out GapFrame gap));
        string where = Encoding.UTF8.GetString(gap.Where);
        return (gap.Subscription, gap.Publisher, gap.From, gap.To, gap.Count, gap.Reason, where);
    }

    /// <summary>The next event, of the same run or the next DELIVER.</summary>
    public ReceivedEvent NextEvent()
    {
        if (_events.Count == 0)
        {
            TakeDeliver(NextFrame(FrameKind.Deliver));
        }

        return _events.Dequeue();
    }

    public List<ReceivedEvent> NextEvents(int count) => [.. Enumerable.Range(0, count).Select(_ => NextEvent())];

    /// <summary>
    /// Everything the daemon has for this client has come once the PONG is there; no event may be among it.
    /// </summary>
    public void AssertNothingCame()
    {
        Assert.Empty(_events);
        Send(Frames.Ping(4711));
        Assert.Equal(ErrorCode.None, PingFrame.TryRead(NextFrame(FrameKind.Pong), out PingFrame pong));
        Assert.Equal(4711UL, pong.Opaque);
    }

    /// <summary>The next frame other than TOPIC; it must be of this kind.</summary>
    public byte[] NextFrame(byte kind)
    {
        byte[] frame = NextFrame(out byte came);
        if (came == FrameKind.Error && kind != FrameKind.Error)
        {
            ErrorFrame.TryRead(frame, out ErrorFrame error);
            string text = Encoding.UTF8.GetString(error.Text);
            Assert.Fail($"instead of a frame 0x{kind:X2} came error {error.Code}: {text}");
        }

        Assert.Equal(kind, came);
        return frame;
    }

    /// <summary>The next frame other than TOPIC and NOTICE, whatever it is.</summary>
    public byte[] NextFrame(out byte kind)
    {
        while (true)
        {
            FrameHeader.TryRead(Peek(FrameHeader.Size), out FrameHeader header);
            byte[] frame = Read(header.FrameBytes).ToArray();
            kind = header.Kind;
            if (kind == FrameKind.Notice)
            {
                Assert.Equal(ErrorCode.None, GapFrame.TryRead(frame, out GapFrame n));
                Assert.Equal(0u, n.Subscription);
                Notices.Add((n.Reason, n.Publisher, n.From, n.To, n.Count, Encoding.UTF8.GetString(n.Where)));
                continue;
            }

            if (kind != FrameKind.Topic)
            {
                return frame;
            }

            Assert.Equal(ErrorCode.None, TopicFrame.TryRead(frame, out TopicFrame declared));
            _topics[declared.Alias] = Encoding.UTF8.GetString(declared.Topic);
            HighestAlias = Math.Max(HighestAlias, declared.Alias);
            DeclaredTopics++;
        }
    }

    public void TakeDeliver(byte[] frame)
    {
        DeliveredBytes += frame.Length;
        Assert.Equal(ErrorCode.None, DeliverFrame.TryRead(frame, out DeliverFrame deliver));
        Assert.Equal(
            ErrorCode.None, EventProperties.TryRead(deliver.Properties, deliver.Alias, out EventProperties properties));
        string topic = deliver.Alias != 0 ? _topics[deliver.Alias] : Encoding.UTF8.GetString(properties.Topic);
        var reader = new RunReader(deliver.Body);
        ulong number = deliver.Number;
        while (reader.TryRead(out ReadOnlySpan<byte> payload))
        {
            _events.Enqueue(new ReceivedEvent(
                deliver.Subscription,
                topic,
                deliver.Publisher,
                number++,
                deliver.Timestamp,
                deliver.Flags,
                payload.ToArray()));
        }
    }

    /// <summary>Takes an event of a DELIVER that was read before.</summary>
    public bool TryTakeEvent(out ReceivedEvent? taken) => _events.TryDequeue(out taken);

    public byte[] ReadBytes(int count) => Read(count).ToArray();

    public string ReadTextToEnd()
    {
        var text = new StringBuilder();
        while (Fill())
        {
            text.Append(Encoding.UTF8.GetString(_buffer, _start, _end - _start));
            _start = _end;
        }

        return text.ToString();
    }

    public void AssertEnded()
    {
        while (_end > _start || Fill())
        {
            byte[] frame = NextFrame(out byte kind);
            Assert.Fail($"a frame 0x{kind:X2} of {frame.Length} bytes came instead of the end");
        }
    }

    public void Dispose() => _socket.Dispose();

    private ReadOnlySpan<byte> Read(int count)
    {
        ReadOnlySpan<byte> bytes = Peek(count);
        _start += count;
        return bytes;
    }

    private ReadOnlySpan<byte> Peek(int count)
    {
        if (_buffer.Length < count)
        {
            Array.Resize(ref _buffer, count);
        }

        while (_end - _start < count)
        {
            Assert.True(Fill(), $"the stream ended {count - (_end - _start)} bytes too early");
        }

        return _buffer.AsSpan(_start, count);
    }

    private bool Fill()
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            _end -= _start;
            _start = 0;
        }

        int came = _socket.Receive(_buffer.AsSpan(_end));
        _end += came;
        return came > 0;
    }
}
