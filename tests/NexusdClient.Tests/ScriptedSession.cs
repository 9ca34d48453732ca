using System.Net.Sockets;
using System.Text;
using NexusD.Protocol;
using NexusD.Protocol.App;
using NexusD.Protocol.Frames;
using NexusD.Protocol.Greetings;
using NexusD.Protocol.Topics;

namespace NexusdClient.Tests;

/// <summary>One connection of a <see cref="ScriptedDaemon"/>; a thread reads, whoever delivers writes.</summary>
internal sealed class ScriptedSession(ScriptedDaemon daemon, Socket socket)
{
    private readonly Dictionary<uint, string> _aliases = [];
    private readonly Dictionary<uint, (TopicFilter[] Filters, long Credit, bool Limited)> _subscriptions = [];
    private readonly Dictionary<uint, Queue<byte[]>> _withheld = [];
    private readonly Lock _gate = new();
    private volatile bool _isCut;
    private byte[] _bytes = new byte[1 << 16];
    private int _held;

    internal ulong Publisher { get; private set; }

    /// <summary>Next number as HELLO asked for it.</summary>
    internal ulong HelloNumber { get; private set; }

    internal ulong HelloPublisher { get; private set; }

    internal ulong Next { get; private set; }

    /// <summary>Bytes of DELIVER frames that wait for credit.</summary>
    internal int Withheld
    {
        get
        {
            lock (_gate)
            {
                return _withheld.Values.Sum(queue => queue.Sum(frame => frame.Length));
            }
        }
    }

    internal bool HasSubscriptions
    {
        get
        {
            lock (_gate)
            {
                return _subscriptions.Count > 0;
            }
        }
    }

    internal void Start() => new Thread(Run) { IsBackground = true }.Start();

    internal void Cut()
    {
        _isCut = true;
        socket.Dispose();
    }

    internal void Send(ReadOnlySpan<byte> frame)
    {
        lock (_gate)
        {
            try
            {
                while (!frame.IsEmpty)
                {
                    frame = frame[socket.Send(frame)..];
                }
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // The client is gone; the reader notices.
            }
        }
    }

    internal uint Deliver(
        ulong publisher,
        ulong number,
        string topic,
        List<byte[]> payloads,
        ReadOnlySpan<byte> properties,
        bool retained)
    {
        uint matched = 0;
        uint[] ids;
        lock (_gate)
        {
            var name = Encoding.UTF8.GetBytes(topic);
            ids = [.. _subscriptions.Where(s => s.Value.Filters.Any(f => f.Matches(name))).Select(s => s.Key)];
        }

        foreach (var id in ids)
        {
            DeliverTo(id, publisher, number, topic, payloads, properties, retained);
            matched++;
        }

        return matched;
    }

    internal void DeliverTo(
        uint id,
        ulong publisher,
        ulong number,
        string topic,
        List<byte[]> payloads,
        ReadOnlySpan<byte> properties,
        bool retained)
    {
        var utf8 = Encoding.UTF8.GetBytes(topic);
        var propertyBytes = PropertyWriter.Size(utf8.Length) + properties.Length;
        var bytes = new byte[DeliverFrame.HeaderBytes + propertyBytes + payloads.Sum(p => 4 + p.Length)];
        var at = DeliverFrame.WriteHeader(
            bytes, bytes.Length, retained ? RunFlags.Retained : RunFlags.None, propertyBytes, id, 0, publisher, number,
            1_700_000_000_000UL << 16);
        new PropertyWriter(bytes.AsSpan(at)).Write(PropertyId.Topic, utf8);
        properties.CopyTo(bytes.AsSpan(at + PropertyWriter.Size(utf8.Length)));
        at += propertyBytes;
        foreach (var payload in payloads)
        {
            at += EventRunBody.Write(bytes.AsSpan(at), payload);
        }

        lock (_gate)
        {
            if (_subscriptions.ContainsKey(id))
            {
                _withheld[id].Enqueue(bytes);
                SendWithinCredit(id);
            }
        }
    }

    private void SendWithinCredit(uint id)
    {
        var subscription = _subscriptions[id];
        while ((!subscription.Limited || subscription.Credit > 0) && _withheld[id].TryDequeue(out var frame))
        {
            subscription = subscription with { Credit = subscription.Credit - frame.Length };
            _subscriptions[id] = subscription;
            Send(frame);
        }
    }

    private void Run()
    {
        try
        {
            Greet();
            daemon.Join(this);
            while (!_isCut && ReadFrame() is { } frame)
            {
                FrameHeader.TryRead(frame, out var header);
                if (daemon.Intercept?.Invoke(this, header.Kind, frame) != true && !Handle(header, frame))
                {
                    break;
                }
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or IOException)
        {
            // Cut on purpose, or the client left.
        }
        catch (Exception e)
        {
            daemon.Failures.Enqueue(e);
        }
        finally
        {
            daemon.Leave(this);
            socket.Dispose();
        }
    }

    private void Greet()
    {
        Need(ClientGreeting.Size);
        if (ClientGreeting.Detect(_bytes.AsSpan(0, _held), out _) != GreetingKind.NexusD)
        {
            throw new IOException("no greeting");
        }

        Drop(ClientGreeting.Size);
        var greeting = new byte[DaemonGreeting.Size];
        new DaemonGreeting(ProtocolLimits.Version).Write(greeting);
        Send(greeting);
        HelloFrame.TryRead(ReadFrame() ?? throw new IOException("no hello"), out var hello);
        HelloPublisher = hello.PublisherId;
        HelloNumber = hello.NextNumber;
        Publisher = daemon.PublisherFor(hello.PublisherId);
        Next = hello.NextNumber;
        var welcome = new WelcomeFrame
        {
            NodeId = new NodeId("0123456789abcdef"u8),
            NodeName = "scripted"u8,
            Cluster = "test"u8,
            DaemonVersion = "0.1.0"u8,
            PublisherId = Publisher,
            NextNumber = Next,
            MaxAliases = daemon.MaxAliases,
            MaxFrame = daemon.MaxFrame,
            MaxPayload = daemon.MaxPayload,
            IdleTimeoutMs = daemon.IdleTimeoutMs,
        };
        var bytes = new byte[welcome.FrameBytes];
        welcome.Write(bytes);
        Send(bytes);
    }

    private bool Handle(FrameHeader header, byte[] frame)
    {
        switch (header.Kind)
        {
            case FrameKind.Topic:
                TopicFrame.TryRead(frame, out var topic);
                Assert.InRange(topic.Alias, 1u, daemon.MaxAliases);
                _aliases[topic.Alias] = Encoding.UTF8.GetString(topic.Topic);
                break;
            case FrameKind.Publish:
                OnPublish(frame);
                break;
            case FrameKind.Subscribe:
                OnSubscribe(frame);
                break;
            case FrameKind.Unsubscribe:
                UnsubscribeFrame.TryRead(frame, out var unsubscribe);
                lock (_gate)
                {
                    _subscriptions.Remove(unsubscribe.Subscription);
                    _withheld.Remove(unsubscribe.Subscription);
                }

                break;
            case FrameKind.Credit:
                OnCredit(frame);
                break;
            case FrameKind.Ping:
                PingFrame.TryRead(frame, out var ping);
                var pong = new byte[PingFrame.FrameBytes];
                new PingFrame(ping.Opaque, isPong: true).Write(pong);
                Send(pong);
                break;
            case FrameKind.Query:
                OnQuery(frame);
                break;
            case FrameKind.Bye:
                return false;
        }

        return true;
    }

    internal void OnPublish(byte[] frame)
    {
        Assert.Equal(ErrorCode.None, PublishFrame.TryRead(frame, out var publish));
        Assert.Equal(
            ErrorCode.None,
            EventRunBody.Validate(publish.Body, daemon.MaxPayload, frame.Length, out var count));
        Assert.Equal(ErrorCode.None, EventProperties.TryRead(publish.Properties, publish.Alias, out var properties));
        var topic = publish.Alias == 0 ? Encoding.UTF8.GetString(properties.Topic) : _aliases[publish.Alias];
        Assert.True(properties.TryGetWithoutTopic(publish.Properties, out var rest));
        var payloads = new List<byte[]>();
        var reader = new RunReader(publish.Body);
        while (reader.TryRead(out var payload))
        {
            payloads.Add(payload.ToArray());
        }

        var number = Next;
        Next += (ulong)count;
        var local = daemon.Route(Publisher, number, topic, payloads, publish.Flags.HasFlag(RunFlags.Retain), rest);
        if (publish.Flags.HasFlag(RunFlags.Acknowledge))
        {
            Acknowledge(ErrorCode.None, number, (uint)count, local);
        }
    }

    /// <summary>Loses a run: its events are numbered and go nowhere.</summary>
    internal void SkipPublish(byte[] frame)
    {
        PublishFrame.TryRead(frame, out var publish);
        EventRunBody.Validate(publish.Body, daemon.MaxPayload, frame.Length, out var count);
        Next += (ulong)count;
    }

    internal void Acknowledge(ErrorCode code, ulong number, uint count, uint local)
    {
        var bytes = new byte[AckFrame.FrameBytes];
        new AckFrame { Code = code, Number = number, Count = count, Local = local, Peers = 2 }.Write(bytes);
        Send(bytes);
    }

    internal void SendError(ErrorCode code, string text, bool closes, ulong reference = 0)
    {
        var utf8 = Encoding.UTF8.GetBytes(text);
        var error = new ErrorFrame { Code = code, Closes = closes, Reference = reference, Text = utf8 };
        var bytes = new byte[error.FrameBytes];
        error.Write(bytes);
        Send(bytes);
    }

    private void OnSubscribe(byte[] frame)
    {
        Assert.Equal(ErrorCode.None, SubscribeFrame.TryRead(frame, out var subscribe));
        var filters = new List<TopicFilter>();
        var reader = new FilterListReader(subscribe.Filters);
        while (reader.TryRead(out var filter))
        {
            Assert.Equal(TopicError.None, TopicFilter.TryParse(filter, out var parsed));
            filters.Add(parsed!);
        }

        lock (_gate)
        {
            Assert.DoesNotContain(subscribe.Subscription, _subscriptions);
            _withheld[subscribe.Subscription] = new Queue<byte[]>();
            _subscriptions[subscribe.Subscription] = ([.. filters], subscribe.Credit, subscribe.Credit != 0);
        }

        var answer = new SubscribedFrame { Subscription = subscribe.Subscription };
        var bytes = new byte[answer.FrameBytes];
        answer.Write(bytes);
        Send(bytes);
        if (!subscribe.NoRetained)
        {
            daemon.DeliverRetained(this, subscribe.Subscription, [.. filters]);
        }
    }

    private void OnCredit(byte[] frame)
    {
        CreditFrame.TryRead(frame, out var credit);
        lock (_gate)
        {
            if (_subscriptions.TryGetValue(credit.Subscription, out var subscription))
            {
                _subscriptions[credit.Subscription] = subscription with { Credit = subscription.Credit + credit.Bytes };
                SendWithinCredit(credit.Subscription);
            }
        }
    }

    private void OnQuery(byte[] frame)
    {
        QueryFrame.TryRead(frame, out var query);
        var text = Encoding.UTF8.GetString(query.Text);
        var known = text is "status" or "peers" or "topics" or "clients";
        var result = new ResultFrame
        {
            Request = query.Request,
            Code = known ? ErrorCode.None : ErrorCode.UnknownQuery,
            Text = Encoding.UTF8.GetBytes(known ? $$"""{"query":"{{text}}"}""" : "There is no such query."),
        };
        var bytes = new byte[result.FrameBytes];
        result.Write(bytes);
        Send(bytes);
    }

    private byte[]? ReadFrame()
    {
        while (true)
        {
            var status = FrameHeader.TryCut(_bytes.AsSpan(0, _held), (int)daemon.MaxFrame, out var header);
            if (status == FrameStatus.Complete)
            {
                var frame = _bytes.AsSpan(0, header.FrameBytes).ToArray();
                Drop(frame.Length);
                return frame;
            }

            Assert.Equal(FrameStatus.NeedMore, status);
            if (!Fill())
            {
                return null;
            }
        }
    }

    private void Need(int bytes)
    {
        while (_held < bytes)
        {
            if (!Fill())
            {
                throw new IOException("ended");
            }
        }
    }

    private bool Fill()
    {
        if (_held == _bytes.Length)
        {
            Array.Resize(ref _bytes, _bytes.Length * 2);
        }

        var got = socket.Receive(_bytes.AsSpan(_held));
        _held += got;
        return got > 0;
    }

    private void Drop(int bytes)
    {
        _bytes.AsSpan(bytes, _held - bytes).CopyTo(_bytes);
        _held -= bytes;
    }
}
