using System.Runtime.CompilerServices;
using System.Text;
using NexusD.Protocol;
using NexusD.Protocol.App;
using NexusD.Protocol.Frames;
using NexusD.Protocol.Greetings;
using NexusD.Routing;

namespace NexusD.Sessions;

/// <content>
/// The way out. Deliveries go straight into the connection's outgoing bytes while these are below the
/// <see cref="SendWindow"/>; beyond, subscriptions queue and stand in line for the moment when the socket has drained.
/// </content>
internal sealed partial class AppSession
{
    /// <summary>Bodies from here on are sent out of the slab they lie in instead of being copied.</summary>
    private const int SharedBodyBytesMin = 8 * 1024;

    /// <summary>Header and body below this are written as one piece.</summary>
    private const int OnePieceBytesMax = 2048;

    private SendWindow _window;
    private OutgoingAliases _outgoing;
    private Queue<Subscription>? _line;
    private int _maxFrameBytes = ProtocolLimits.DefaultMaxFrameBytes;
    private int _unreadAnswerBytes;

    /// <summary>Whether a delivery may be written now; sends if that makes room.</summary>
    public bool HasRoom
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _connection.PendingBytes < _window.Bytes || MakeRoom();
    }

    /// <summary>Whether a DELIVER of the run would be longer than the client takes.</summary>
    public bool ExceedsFrameLimit(in EventRun run) => run.Body.Length + run.Properties.Length
        > _maxFrameBytes - DeliverFrame.HeaderBytes - PropertyWriter.Size(run.Topic.Utf8.Length);

    /// <summary>A subscription has something to send as soon as the socket takes it.</summary>
    public void Line(Subscription subscription)
    {
        if (!subscription.IsInLine && subscription.HasDue)
        {
            subscription.IsInLine = true;
            (_line ??= new Queue<Subscription>()).Enqueue(subscription);
            _connection.RequestFlush();
        }
    }

    /// <summary>
    /// Writes a run to the client; returns the bytes of the frame, or 0 when it is too long for the client.
    /// </summary>
    public int WriteDeliver(Subscription subscription, in EventRun run, ref RouteEntry entry)
    {
        if (run.Body.Length > ProtocolLimits.MaxRunFrameBytes && ExceedsFrameLimit(run))
        {
            return 0;
        }

        uint alias = entry.AliasEpoch == _outgoing.Epoch ? entry.Alias : Declare(run.Topic, ref entry);
        return WriteRun(subscription.Id, run, alias);
    }

    /// <summary>Writes a run that waited in a queue.</summary>
    public int WriteQueued(Subscription subscription, in EventRun run)
    {
        uint alias = _outgoing.FindRecent(run.Topic, out bool declare);
        if (declare)
        {
            WriteTopic(alias, run.Topic);
        }

        return WriteRun(subscription.Id, run, alias);
    }

    /// <summary>Writes a retained event; as its topic may never come again it is sent as text.</summary>
    public int WriteRetained(Subscription subscription, in EventRun run) => WriteRun(subscription.Id, run, 0);

    public void WriteGap(Subscription subscription, in GapNotice gap)
    {
        Span<byte> where = stackalloc byte[ProtocolLimits.MaxNameBytes];
        Encoding.UTF8.TryGetBytes(gap.Where, where, out int whereBytes);
        var frame = new GapFrame
        {
            Reason = gap.Reason,
            Subscription = subscription.Id,
            Publisher = gap.Publisher,
            From = gap.From,
            To = gap.To,
            Count = gap.Count,
            Where = where[..whereBytes],
        };
        _connection.Commit(frame.Write(_connection.Reserve(frame.FrameBytes)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void CountDelivered(int events, int frameBytes)
    {
        _eventsOut += events;
        SessionStatistics statistics = _table.Statistics;
        statistics.DeliveredCount += events;
        statistics.DeliveredBytesCount += frameBytes;
    }

    /// <inheritdoc/>
    public bool OnDrained()
    {
        _unreadAnswerBytes = 0;
        if (_isHeldUp)
        {
            _isHeldUp = false;
            if (!IsHeldByQueue)
            {
                _connection.ResumeReading();
            }
        }

        if ((IsHeldByQueue || _waitsToPublish) && _connection.IsOutputBroken)
        {
            EndAllHolds();
            ReleasePublishes(); // nobody is there to send it again
        }

        if (_line is not { Count: > 0 } line)
        {
            if (_state == State.Draining)
            {
                EndDrained();
            }

            return false;
        }

        return SendLine(line);
    }

    /// <summary>Lets the subscriptions in line send by turns until the outgoing bytes are full.</summary>
    private bool SendLine(Queue<Subscription> line)
    {
        bool sent = false;
        ulong now = _table.NowHlc();
        while (_connection.PendingBytes < _window.Bytes && line.TryDequeue(out Subscription? subscription))
        {
            if (subscription.Session != this)
            {
                continue; // it was kept, and may be in another session's line
            }

            subscription.IsInLine = false;
            if (subscription.IsClosed)
            {
                continue;
            }

            sent |= subscription.SendDue(now);
            if (subscription.HasDue)
            {
                subscription.IsInLine = true;
                line.Enqueue(subscription);
            }
        }

        return sent || _state == State.Draining;
    }

    private bool MakeRoom() => _connection.Flush()
        || !_table.Budget.IsTight
        && _window.TryGrow(_table.Loop.NowNs, _connection.SentBytes, ref _table.WindowAllowance);

    private int WriteRun(uint subscription, in EventRun run, uint alias)
    {
        int topicBytes = alias != 0 ? 0 : PropertyWriter.Size(run.Topic.Utf8.Length);
        int propertyBytes = run.Properties.Length + topicBytes;
        int headBytes = DeliverFrame.HeaderBytes + propertyBytes;
        int frameBytes = headBytes + run.Body.Length;
        bool isOnePiece = frameBytes <= OnePieceBytesMax;
        Span<byte> head = _connection.Reserve(isOnePiece ? frameBytes : headBytes);
        DeliverFrame.WriteHeader(
            head, frameBytes, run.Flags, propertyBytes, subscription, alias, run.Publisher, run.Number, run.Timestamp);
        if (propertyBytes != 0)
        {
            WriteProperties(head.Slice(DeliverFrame.HeaderBytes, propertyBytes), run, alias);
        }

        if (isOnePiece)
        {
            run.Body.CopyTo(head[headBytes..]);
            _connection.Commit(frameBytes);
            return frameBytes;
        }

        _connection.Commit(headBytes);
        if (run.Shared is { } slab && run.Body.Length >= SharedBodyBytesMin)
        {
            _connection.AppendShared(slab, run.SharedOffset, run.Body.Length);
        }
        else
        {
            _connection.Append(run.Body);
        }

        return frameBytes;
    }

    private static void WriteProperties(Span<byte> destination, in EventRun run, uint alias)
    {
        if (alias == 0)
        {
            var writer = new PropertyWriter(destination);
            writer.Write(PropertyId.Topic, run.Topic.Utf8);
            destination = destination[writer.Written..];
        }

        run.Properties.CopyTo(destination);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private uint Declare(Topic topic, ref RouteEntry entry)
    {
        if (!entry.RemembersAlias)
        {
            return 0;
        }

        entry.Alias = _outgoing.Assign();
        entry.AliasEpoch = _outgoing.Epoch;
        if (entry.Alias != 0)
        {
            WriteTopic(entry.Alias, topic);
        }

        return entry.Alias;
    }

    private void WriteTopic(uint alias, Topic topic)
    {
        var frame = new TopicFrame(alias, topic.Utf8);
        _connection.Commit(frame.Write(_connection.Reserve(frame.FrameBytes)));
    }

    private void WriteRaw(ReadOnlySpan<byte> bytes)
    {
        _connection.Append(bytes);
        _unreadAnswerBytes += bytes.Length;
    }

    private Span<byte> ReserveAnswer(int bytes) => _connection.Reserve(bytes);

    private void CommitAnswer(int bytes)
    {
        _connection.Commit(bytes);
        _unreadAnswerBytes += bytes;
    }

    private void WriteGreeting(byte version) =>
        CommitAnswer(new DaemonGreeting(version).Write(ReserveAnswer(DaemonGreeting.Size)));

    private void WriteWelcome()
    {
        SessionOptions options = _table.Options;
        var frame = new WelcomeFrame
        {
            NodeId = options.NodeId,
            NodeName = _table.NodeNameUtf8,
            Cluster = _table.ClusterUtf8,
            DaemonVersion = _table.DaemonVersionUtf8,
            PublisherId = PublisherId,
            NextNumber = _nextNumber,
            MaxAliases = (uint)_incoming.Max,
            MaxFrame = (uint)_table.MaxFrameBytes,
            MaxPayload = (uint)options.MaxPayloadBytes,
            MaxSubscriptions = (uint)options.MaxSubscriptions,
            IdleTimeoutMs = (uint)options.IdleTimeout.TotalMilliseconds,
        };
        CommitAnswer(frame.Write(ReserveAnswer(frame.FrameBytes)));
    }

    private void WriteAck(ErrorCode code, ulong number, int count, PublishOutcome outcome)
    {
        var frame = new AckFrame
        {
            Code = code,
            Number = number,
            Count = (uint)count,
            Local = (uint)outcome.Local,
            Peers = (uint)outcome.Peers,
        };
        CommitAnswer(frame.Write(ReserveAnswer(AckFrame.FrameBytes)));
    }

    private void WriteSubscribed(ErrorCode code, uint subscription, string text)
    {
        var frame = new SubscribedFrame
        {
            Code = code,
            Subscription = subscription,
            Text = Encoding.UTF8.GetBytes(text),
        };
        CommitAnswer(frame.Write(ReserveAnswer(frame.FrameBytes)));
    }

    private void WriteUnsubscribed(ErrorCode code, uint subscription, string text)
    {
        var frame = new UnsubscribedFrame
        {
            Code = code,
            Subscription = subscription,
            Text = Encoding.UTF8.GetBytes(text),
        };
        CommitAnswer(frame.Write(ReserveAnswer(frame.FrameBytes)));
    }

    private void WritePong(ulong opaque)
    {
        WriteNotices();
        CommitAnswer(new PingFrame(opaque, isPong: true).Write(ReserveAnswer(PingFrame.FrameBytes)));
    }

    private void WriteResult(ErrorCode code, uint request, ReadOnlySpan<byte> text)
    {
        // The text may be longer than a reservation can be: it follows by itself.
        Span<byte> head = ReserveAnswer(ResultFrame.HeaderBytes);
        new ResultFrame { Code = code, Request = request }.Write(head);
        FrameHeader.Write(head, ResultFrame.HeaderBytes + text.Length, FrameKind.Result, 0, (ushort)code);
        CommitAnswer(ResultFrame.HeaderBytes);
        WriteRaw(text);
    }

    private void WriteError(ErrorCode code, bool closes, ulong reference, string text)
    {
        var frame = new ErrorFrame
        {
            Code = code,
            Closes = closes,
            Reference = reference,
            Text = Encoding.UTF8.GetBytes(text),
        };
        CommitAnswer(frame.Write(ReserveAnswer(frame.FrameBytes)));
    }

    private void WriteGoAway()
    {
        var frame = new GoAwayFrame
        {
            Code = ErrorCode.ShuttingDown,
            Text = "The daemon is leaving: finish, close, and connect again later."u8,
        };
        CommitAnswer(frame.Write(ReserveAnswer(frame.FrameBytes)));
    }
}
