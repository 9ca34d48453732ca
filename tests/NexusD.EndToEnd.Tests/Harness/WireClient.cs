using System.Net.Sockets;
using System.Text;
using NexusD.Protocol;
using NexusD.Protocol.App;
using NexusD.Protocol.Frames;
using NexusD.Protocol.Greetings;

namespace NexusD.EndToEnd.Tests.Harness;

/// <summary>
/// An app that speaks bytes, so that it reads exactly when a test says so and keeps an account of all that came: events
/// delivered, events told as lost, order.
/// </summary>
internal sealed class WireClient : IDisposable
{
    private static readonly int _patienceMs = (int)Eventually.Patience.TotalMilliseconds;

    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly Dictionary<ulong, ulong> _last = [];
    private readonly byte[] _out = new byte[64 * 1024];
    private byte[] _in = new byte[256 * 1024];
    private int _start;
    private int _end;
    private int _outEnd;

    /// <summary>Connects and says hello.</summary>
    public WireClient(string socketPath, string name)
    {
        Name = name;
        _socket.SendTimeout = _patienceMs;
        _socket.ReceiveTimeout = _patienceMs;
        _socket.Connect(new UnixDomainSocketEndPoint(socketPath));
        var hello = new HelloFrame { ClientName = Encoding.UTF8.GetBytes(name) };
        var bytes = new byte[ClientGreeting.Size + hello.FrameBytes];
        new ClientGreeting(ProtocolLimits.Version, ProtocolLimits.Version).Write(bytes);
        hello.Write(bytes.AsSpan(ClientGreeting.Size));
        Send(bytes);
        while (_end < DaemonGreeting.Size)
        {
            Fill();
        }

        _start = DaemonGreeting.Size;
        Until(() => IsWelcome);
    }

    public string Name { get; }

    public bool IsWelcome { get; private set; }

    /// <summary>Answer to the last SUBSCRIBE; null until it came.</summary>
    public ErrorCode? Subscribed { get; private set; }

    /// <summary>Events that came.</summary>
    public long Delivered { get; private set; }

    /// <summary>Events that were told as lost, by reason.</summary>
    public Dictionary<DropReason, long> Told { get; } = [];

    /// <summary>Own events that were told as lost for some subscription.</summary>
    public long Noticed { get; private set; }

    /// <summary>Events that came twice or behind a later one of their publisher.</summary>
    public long Disordered { get; private set; }

    /// <summary>Events that are accounted for.</summary>
    public long Accounted => Delivered + Told.Values.Sum();

    /// <summary>Opens subscription 1 and waits for the answer.</summary>
    public void Subscribe(string filter, OverflowPolicy? policy = null, uint? blockTimeoutMs = null)
    {
        byte[] text = Encoding.UTF8.GetBytes(filter);
        var list = new byte[FilterListReader.Size(text.Length)];
        FilterListReader.Write(list, text);
        var frame = new SubscribeFrame
        {
            Subscription = 1,
            Filters = list,
            Overflow = policy,
            BlockTimeoutMs = blockTimeoutMs,
        };
        var bytes = new byte[frame.FrameBytes];
        frame.Write(bytes);
        Send(bytes);
        Until(() => Subscribed is not null);
    }

    /// <summary>Publishes one event; sent when a buffer is full or by <see cref="Flush"/>.</summary>
    public void Publish(string topic, ReadOnlySpan<byte> payload, RunFlags flags = RunFlags.None)
    {
        byte[] text = Encoding.UTF8.GetBytes(topic);
        int propertyBytes = PropertyWriter.Size(text.Length);
        int headBytes = PublishFrame.HeaderBytes + propertyBytes + EventRunBody.SizeFieldBytes;
        if (_out.Length - _outEnd < headBytes + Math.Min(payload.Length, _out.Length / 2))
        {
            Flush();
        }

        Span<byte> head = _out.AsSpan(_outEnd);
        int end = PublishFrame.WriteHeader(head, headBytes + payload.Length, flags, propertyBytes, 0);
        new PropertyWriter(head[end..]).Write(PropertyId.Topic, text);
        end += propertyBytes;
        end += EventRunBody.WriteSize(head[end..], payload.Length);
        _outEnd += end;
        if (_out.Length - _outEnd >= payload.Length)
        {
            payload.CopyTo(_out.AsSpan(_outEnd));
            _outEnd += payload.Length;
            return;
        }

        Flush();
        Send(payload);
    }

    public void Flush()
    {
        Send(_out.AsSpan(0, _outEnd));
        _outEnd = 0;
    }

    /// <summary>Reads what is there, at most about so many bytes, without waiting.</summary>
    public void Read(int most = int.MaxValue)
    {
        for (int read = 0; read < most && _socket.Available > 0;)
        {
            read += Fill();
            Use();
        }
    }

    /// <summary>Reads until a state is reached; fails when nothing comes for long.</summary>
    public void Until(Func<bool> reached)
    {
        Use();
        while (!reached())
        {
            Fill();
            Use();
        }
    }

    public void Dispose() => _socket.Dispose();

    public override string ToString() =>
        $"{Name}: {Delivered} delivered, told {string.Join(", ", Told.Select(t => $"{t.Key} {t.Value}"))}";

    private void Send(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            bytes = bytes[_socket.Send(bytes)..];
        }
    }

    private int Fill()
    {
        if (_start > 0)
        {
            _in.AsSpan(_start, _end - _start).CopyTo(_in);
            (_start, _end) = (0, _end - _start);
        }

        if (_end == _in.Length)
        {
            Array.Resize(ref _in, _in.Length * 2);
        }

        int read;
        try
        {
            read = _socket.Receive(_in.AsSpan(_end));
        }
        catch (SocketException e)
        {
            throw new TimeoutException($"{this}; nothing came for {_patienceMs / 1000} s: {e.Message}", e);
        }

        Assert.True(read > 0, $"{this}; the daemon closed the connection");
        _end += read;
        return read;
    }

    private void Use()
    {
        while (FrameHeader.TryCut(_in.AsSpan(_start, _end - _start), 1 << 27, out FrameHeader header)
            == FrameStatus.Complete)
        {
            Take(header.Kind, _in.AsSpan(_start, header.FrameBytes));
            _start += header.FrameBytes;
        }
    }

    private void Take(byte kind, ReadOnlySpan<byte> frame)
    {
        switch (kind)
        {
            case FrameKind.Welcome:
                IsWelcome = true;
                break;
            case FrameKind.Subscribed:
                Assert.Equal(ErrorCode.None, SubscribedFrame.TryRead(frame, out SubscribedFrame answer));
                Subscribed = answer.Code;
                break;
            case FrameKind.Deliver:
                Assert.Equal(ErrorCode.None, DeliverFrame.TryRead(frame, out DeliverFrame deliver));
                TakeRun(deliver);
                break;
            case FrameKind.Gap or FrameKind.Notice:
                Assert.Equal(ErrorCode.None, GapFrame.TryRead(frame, out GapFrame gap));
                Noticed += kind == FrameKind.Notice ? (long)gap.Count : 0;
                if (kind == FrameKind.Gap)
                {
                    Told[gap.Reason] = Told.GetValueOrDefault(gap.Reason) + (long)gap.Count;
                }

                break;
            case FrameKind.Error:
                Assert.Equal(ErrorCode.None, ErrorFrame.TryRead(frame, out ErrorFrame error));
                Assert.Fail($"{this}; the daemon says: {Encoding.UTF8.GetString(error.Text)}");
                break;
        }
    }

    private void TakeRun(in DeliverFrame deliver)
    {
        int count = 0;
        var run = new RunReader(deliver.Body);
        while (run.TryRead(out _))
        {
            count++;
        }

        Delivered += count;
        Disordered += deliver.Number <= _last.GetValueOrDefault(deliver.Publisher) ? 1 : 0;
        _last[deliver.Publisher] = deliver.Number + (ulong)count - 1;
    }
}
