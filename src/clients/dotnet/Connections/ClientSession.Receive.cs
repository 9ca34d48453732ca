using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using NexusD.Protocol;
using NexusD.Protocol.App;
using NexusD.Protocol.Frames;
using NexusdClient.Publishing;
using NexusdClient.Receiving;

namespace NexusdClient.Connections;

/// <summary>What the daemon sends. All of it on the reading thread.</summary>
internal sealed partial class ClientSession
{
    private readonly List<SubscriptionChannel> _touched = [];
    private InboundTopic?[] _aliases = new InboundTopic?[64];
    private InboundTopic? _lastInline;
    private SubscriptionChannel? _lastChannel;
    private string _node = string.Empty;

    private void ResetReceive()
    {
        Array.Clear(_aliases);
        _lastChannel = null;
        _node = Daemon!.NodeName;
    }

    private ConnectionException ReceiveUntilEnd(DaemonSocket socket)
    {
        while (true)
        {
            // The first time, something may have come together with WELCOME.
            var problem = TakeFrames();
            if (problem is not null)
            {
                return problem;
            }

            if (!_buffer.Fill(socket, out var error))
            {
                _orderlyEnd = error == SocketError.Success;
                var how = error is SocketError.Success or SocketError.OperationAborted
                    ? "ended"
                    : $"broke ({new SocketException((int)error).Message})";
                return new ConnectionException($"The connection to nexusd at {_address} {how}; connecting again.");
            }

            Volatile.Write(ref _lastReceived, Environment.TickCount64);
        }
    }

    private ConnectionException? TakeFrames()
    {
        ConnectionException? problem = null;
        FrameStatus status;
        while ((status = _buffer.TryCut(out var frame, out var header)) == FrameStatus.Complete)
        {
            problem = header.Kind == FrameKind.Deliver ? OnDeliver(frame) : OnOther(frame, header.Kind);
            if (problem is not null)
            {
                break;
            }
        }

        foreach (var channel in CollectionsMarshal.AsSpan(_touched))
        {
            channel.EndOfRead();
        }

        _touched.Clear();
        return problem ?? (status is FrameStatus.Malformed or FrameStatus.TooLarge ? LostStep("a frame") : null);
    }

    private ConnectionException? OnDeliver(ReadOnlySpan<byte> frame)
    {
        if (DeliverFrame.TryRead(frame, out var deliver) != ErrorCode.None)
        {
            return LostStep("DELIVER");
        }

        var topic = deliver.Alias == 0 ? InlineTopic(deliver.Properties)
            : deliver.Alias < (uint)_aliases.Length ? _aliases[deliver.Alias]
            : null;
        if (topic is null)
        {
            return LostStep("DELIVER with an unknown topic alias");
        }

        var channel = _lastChannel;
        if (channel is null || channel.Id != deliver.Subscription)
        {
            if (!_channels.TryGetValue(deliver.Subscription, out channel))
            {
                // Closed here a moment ago; the daemon does not know yet.
                return null;
            }

            _lastChannel = channel;
        }

        var count = channel.Deliver(frame, in deliver, topic, _node);
        if (count < 0)
        {
            return LostStep("DELIVER");
        }

        _received += count;
        channel.Note(in deliver, count);
        if (_touched.Count == 0 || _touched[^1] != channel)
        {
            _touched.Add(channel);
        }

        return null;
    }

    private ConnectionException? OnOther(ReadOnlySpan<byte> frame, byte kind) => kind switch
    {
        FrameKind.Topic => OnTopic(frame),
        FrameKind.Ack => OnAck(frame),
        FrameKind.Ping => OnPing(frame),
        FrameKind.Pong => OnPong(frame),
        FrameKind.Gap => OnGap(frame),
        FrameKind.Notice => OnNotice(frame),
        FrameKind.Subscribed => OnSubscribed(frame),
        FrameKind.Result => OnResult(frame),
        FrameKind.Error => OnError(frame),
        FrameKind.GoAway => OnGoAway(frame),
        FrameKind.Unsubscribed => OnUnsubscribed(frame),
        FrameKind.Paused => OnPaused(frame),
        _ => null, // unknown kinds are skipped
    };

    private ConnectionException? OnAck(ReadOnlySpan<byte> frame) =>
        AckFrame.TryRead(frame, out var ack) == ErrorCode.None && Outbox.OnAck(in ack) ? null : LostStep("ACK");

    private ConnectionException? OnTopic(ReadOnlySpan<byte> frame)
    {
        if (TopicFrame.TryRead(frame, out var topic) != ErrorCode.None
            || topic.Alias > ProtocolLimits.LargestMaxAliases)
        {
            return LostStep("TOPIC");
        }

        if (topic.Alias >= (uint)_aliases.Length)
        {
            var size = Math.Max(_aliases.Length * 2, (int)topic.Alias + 1);
            Array.Resize(ref _aliases, Math.Min(size, ProtocolLimits.LargestMaxAliases + 1));
        }

        _aliases[topic.Alias] = new InboundTopic(topic.Topic.ToArray());
        return null;
    }

    private InboundTopic? InlineTopic(ReadOnlySpan<byte> properties)
    {
        if (EventProperties.TryRead(properties, 0, out var read) != ErrorCode.None)
        {
            return null;
        }

        if (_lastInline is null || !read.Topic.SequenceEqual(_lastInline.Utf8))
        {
            _lastInline = new InboundTopic(read.Topic.ToArray());
        }

        return _lastInline;
    }

    private ConnectionException? OnPing(ReadOnlySpan<byte> frame)
    {
        if (PingFrame.TryRead(frame, out var ping) != ErrorCode.None)
        {
            return LostStep("PING");
        }

        Span<byte> answer = stackalloc byte[PingFrame.FrameBytes];
        new PingFrame(ping.Opaque, isPong: true).Write(answer);
        lock (Outbox.Gate)
        {
            Outbox.SendControl(answer);
        }

        return null;
    }

    private ConnectionException? OnPong(ReadOnlySpan<byte> frame)
    {
        if (PingFrame.TryRead(frame, out var pong) != ErrorCode.None)
        {
            return LostStep("PONG");
        }

        Outbox.OnPong(pong.Opaque);
        return null;
    }

    private ConnectionException? OnGap(ReadOnlySpan<byte> frame)
    {
        if (GapFrame.TryRead(frame, out var gap) != ErrorCode.None)
        {
            return LostStep("GAP");
        }

        if (gap.Reason != DropReason.Conflated)
        {
            Volatile.Write(ref _lost, _lost + (long)Math.Min(gap.Count, long.MaxValue));
        }

        if (_channels.TryGetValue(gap.Subscription, out var channel))
        {
            channel.NoteGap();
            Raise(
                Gap,
                new EventGap(
                    channel.Filters, gap.Publisher, gap.From, gap.To, gap.Count, gap.Reason,
                    Encoding.UTF8.GetString(gap.Where)));
        }

        return null;
    }

    private ConnectionException? OnNotice(ReadOnlySpan<byte> frame)
    {
        if (GapFrame.TryRead(frame, out var loss) != ErrorCode.None)
        {
            return LostStep("NOTICE");
        }

        Raise(
            PublishLoss,
            new PublishLoss(
                loss.Publisher, loss.From, loss.To, loss.Count, loss.Reason, Encoding.UTF8.GetString(loss.Where)));
        return null;
    }

    private ConnectionException? OnSubscribed(ReadOnlySpan<byte> frame)
    {
        if (SubscribedFrame.TryRead(frame, out var answer) != ErrorCode.None)
        {
            return LostStep("SUBSCRIBED");
        }

        if (!_channels.TryGetValue(answer.Subscription, out var channel))
        {
            return null;
        }

        if (answer.Code == ErrorCode.None)
        {
            if (!channel.Confirm(in answer))
            {
                Raise(ServerNotice, new ServerNotice(
                    ErrorCode.KeepOver, 0,
                    "The daemon no longer had the kept subscription; it is a new one, and what waited is lost."));
            }

            return null;
        }

        _channels.TryRemove(answer.Subscription, out _);
        channel.Complete(new SubscribeException(
            answer.Code,
            answer.Text.IsEmpty
                ? $"The daemon refused the subscription: {answer.Code.ToWireName()}."
                : $"The daemon refused the subscription: {Encoding.UTF8.GetString(answer.Text)}"));
        return null;
    }

    private ConnectionException? OnUnsubscribed(ReadOnlySpan<byte> frame)
    {
        if (UnsubscribedFrame.TryRead(frame, out var ended) != ErrorCode.None)
        {
            return LostStep("UNSUBSCRIBED");
        }

        // Code 0 answers an UNSUBSCRIBE and needs nothing.
        if (ended.Code is ErrorCode.KeepOver or ErrorCode.TakenOver
            && _channels.TryRemove(ended.Subscription, out var channel))
        {
            _lastChannel = null;
            channel.Complete(new SubscribeException(ended.Code, Encoding.UTF8.GetString(ended.Text)));
        }

        return null;
    }

    private ConnectionException? OnPaused(ReadOnlySpan<byte> frame)
    {
        if (PausedFrame.TryRead(frame, out var answer) != ErrorCode.None)
        {
            return LostStep("PAUSED");
        }

        if (_channels.TryGetValue(answer.Subscription, out var channel))
        {
            channel.OnPaused(answer.Code == ErrorCode.None
                ? null
                : new SubscribeException(answer.Code, Encoding.UTF8.GetString(answer.Text)));
        }

        return null;
    }

    private ConnectionException? OnError(ReadOnlySpan<byte> frame)
    {
        if (ErrorFrame.TryRead(frame, out var error) != ErrorCode.None)
        {
            return LostStep("ERROR");
        }

        var reason = Handshake.FromError(_address, error.Code, error.Text);
        if (error.Closes)
        {
            return reason;
        }

        Raise(ServerNotice, new ServerNotice(error.Code, error.Reference, Encoding.UTF8.GetString(error.Text)));
        return null;
    }

    /// <summary>
    /// The daemon is leaving: say good-bye behind what was begun, so that nothing is cut off, and connect again when
    /// the daemon has answered by closing.
    /// </summary>
    private ConnectionException? OnGoAway(ReadOnlySpan<byte> frame)
    {
        if (GoAwayFrame.TryRead(frame, out var goAway) != ErrorCode.None)
        {
            return LostStep("GOAWAY");
        }

        Raise(ServerNotice, new ServerNotice(goAway.Code, 0, Encoding.UTF8.GetString(goAway.Text)));
        _abortReason = new ConnectionException(goAway.Code, $"nexusd at {_address} is leaving; connecting again.");
        Outbox.Leave();
        return null;
    }

    private ConnectionException LostStep(string what) => new(
        ErrorCode.Malformed,
        $"nexusd at {_address} sent {what} that cannot be right; connecting again. Please report it.");
}
