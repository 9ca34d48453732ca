using System.Runtime.CompilerServices;
using System.Text;
using NexusD.Protocol;
using NexusD.Protocol.App;
using NexusD.Protocol.Frames;
using NexusD.Protocol.Topics;

namespace NexusdClient.Publishing;

/// <summary>Appending events to the log and folding them into runs.</summary>
internal sealed partial class Outbox
{
    // A run stays short enough to be sent again with its topic as text instead of an alias.
    private const int MaxFoldedBytes = ProtocolLimits.MaxRunFrameBytes - 3 - ProtocolLimits.MaxTopicBytes;

    // While the daemon is there, a publisher that may wait does so at this many unsent bytes: more only makes events
    // late.
    private const int UnsentWhileConnected = 1 << 20;

    private readonly Queue<TaskCompletionSource> _roomWaiters = new();
    private OutboundTopic? _lastTopic;
    private OutboundTopic? _runTopic;
    private RunFlags _runFlags;
    private PendingAck? _runAck;
    private int _runStart;
    private int _runLimit;

    /// <summary>Finds or makes what is known of a topic.</summary>
    /// <exception cref="PublishException">The name breaks the rules of docs/protocol/topics.md.</exception>
    internal OutboundTopic GetTopic(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        lock (Gate)
        {
            return FindTopic(name);
        }
    }

    /// <summary>Appends an event without asking for an acknowledgement.</summary>
    /// <param name="name">Topic name; ignored when <paramref name="topic"/> is given.</param>
    /// <param name="topic">The topic where it was looked up before.</param>
    /// <param name="payload">Copied.</param>
    /// <param name="flags">Retain or none.</param>
    /// <param name="properties">Event properties as they go on the wire; may be empty.</param>
    /// <param name="mayWait">Whether to block while the daemon is slower than the publisher.</param>
    /// <returns>False: the buffer is full.</returns>
    internal bool Append(
        string? name,
        OutboundTopic? topic,
        ReadOnlySpan<byte> payload,
        RunFlags flags,
        ReadOnlySpan<byte> properties,
        bool mayWait)
    {
        lock (Gate)
        {
            topic ??= FindTopic(name!);
            if (properties.IsEmpty && TryFold(topic, flags, payload))
            {
                SendIfDue(mayWait);
                return true;
            }

            return AppendFrame(topic, payload, flags, properties, mayWait);
        }
    }

    /// <summary>Appends many events of one topic under one lock.</summary>
    /// <param name="topic">The topic.</param>
    /// <param name="packed">The payloads one after the other.</param>
    /// <param name="lengths">The length of each.</param>
    /// <param name="flags">Retain or none.</param>
    /// <param name="mayWait">Whether to block while the daemon is slower than the publisher.</param>
    /// <returns>How many were taken; fewer than all when the buffer is full.</returns>
    internal int AppendMany(
        OutboundTopic topic, ReadOnlySpan<byte> packed, ReadOnlySpan<int> lengths, RunFlags flags, bool mayWait)
    {
        lock (Gate)
        {
            for (var i = 0; i < lengths.Length; i++)
            {
                var payload = packed[..lengths[i]];
                packed = packed[payload.Length..];
                if (TryFold(topic, flags, payload))
                {
                    // Sends when a whole write has come together; the rest of the batch is coming.
                    if (IsWriteDue())
                    {
                        SendIfDue(mayWait);
                    }
                }
                else if (!AppendFrame(topic, payload, flags, default, mayWait))
                {
                    return i;
                }
            }

            SendIfDue(mayWait);
            return lengths.Length;
        }
    }

    /// <summary>Appends an event whose acknowledgement is awaited.</summary>
    /// <returns>Null: taken. Else the buffer is full: try again when the task is done.</returns>
    internal Task? AppendAcknowledged(
        string name,
        ReadOnlySpan<byte> payload,
        RunFlags flags,
        ReadOnlySpan<byte> properties,
        TaskCompletionSource<PublishResult> waiter)
    {
        flags |= RunFlags.Acknowledge;
        lock (Gate)
        {
            var topic = FindTopic(name);
            if (properties.IsEmpty && TryFold(topic, flags, payload))
            {
                _runAck!.Add(waiter);
                SendIfDue(mayWait: false);
                return null;
            }

            CheckSize(topic, payload.Length, properties.Length);
            var bytes = FrameBytes(topic, payload.Length, properties.Length);
            if (!HasRoom(bytes, _options.PublishBufferBytes))
            {
                var room = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                _roomWaiters.Enqueue(room);
                return room.Task;
            }

            WriteFrame(topic, payload, flags, properties);
            var timeout = _options.AcknowledgeTimeout;
            var deadline = timeout == Timeout.InfiniteTimeSpan
                ? long.MaxValue
                : Environment.TickCount64 + (long)timeout.TotalMilliseconds;
            _runAck = new PendingAck(_tail.Base + _runStart, deadline, waiter);
            _acks.Enqueue(_runAck);
            SendIfDue(mayWait: false);
            return null;
        }
    }

    private bool AppendFrame(
        OutboundTopic topic, ReadOnlySpan<byte> payload, RunFlags flags, ReadOnlySpan<byte> properties, bool mayWait)
    {
        CheckSize(topic, payload.Length, properties.Length);
        var bytes = FrameBytes(topic, payload.Length, properties.Length);
        mayWait = mayWait && Environment.CurrentManagedThreadId != _readerThread;
        while (!HasRoom(bytes, mayWait && _socket is not null ? UnsentWhileConnected : _options.PublishBufferBytes))
        {
            if (!mayWait || _socket is null)
            {
                _refused++;
                return false;
            }

            if (!_sendBusy)
            {
                SendFromHere(mayWait: true);
            }

            if (!HasRoom(bytes, UnsentWhileConnected))
            {
                WaitForChange();
            }

            ThrowIfClosed();
        }

        WriteFrame(topic, payload, flags, properties);
        SendIfDue(mayWait);
        return true;
    }

    /// <summary>Puts a payload behind those of the run that the log ends in, when it belongs there and fits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryFold(OutboundTopic topic, RunFlags flags, ReadOnlySpan<byte> payload)
    {
        var chunk = _tail;
        var start = chunk.Length;
        var end = (long)start + EventRunBody.SizeFieldBytes + payload.Length;
        if (topic != _runTopic || flags != _runFlags || end > _runLimit || payload.Length > _maxPayload)
        {
            return false;
        }

        EventRunBody.Write(chunk.Data.AsSpan(start), payload);
        chunk.Length = (int)end;
        _nextNumber++;
        return true;
    }

    private void WriteFrame(
        OutboundTopic topic, ReadOnlySpan<byte> payload, RunFlags flags, ReadOnlySpan<byte> properties)
    {
        CloseRun();
        var bytes = FrameBytes(topic, payload.Length, properties.Length);
        EnsureChunk(bytes);
        var chunk = _tail;
        if (topic is { Alias: not 0, Declared: false })
        {
            chunk.Length += new TopicFrame(topic.Alias, topic.Utf8).Write(chunk.Data.AsSpan(chunk.Length));
            topic.Declared = true;
        }

        var topicBytes = topic.Alias == 0 ? PropertyWriter.Size(topic.Utf8.Length) : 0;
        var propertyBytes = topicBytes + properties.Length;
        var start = chunk.Length;
        var frameBytes = PublishFrame.HeaderBytes + propertyBytes + EventRunBody.SizeFieldBytes + payload.Length;
        var frame = chunk.Data.AsSpan(start, frameBytes);
        PublishFrame.WriteHeader(frame, frameBytes, flags, propertyBytes, topic.Alias);
        if (topicBytes != 0)
        {
            new PropertyWriter(frame[PublishFrame.HeaderBytes..]).Write(PropertyId.Topic, topic.Utf8);
        }

        properties.CopyTo(frame[(PublishFrame.HeaderBytes + topicBytes)..]);
        EventRunBody.Write(frame[(PublishFrame.HeaderBytes + propertyBytes)..], payload);
        chunk.Length += frameBytes;
        _nextNumber++;
        _runStart = start;
        _runAck = null;
        if (properties.IsEmpty)
        {
            _runTopic = topic;
            _runFlags = flags;
            _runLimit = Math.Min(start + MaxFoldedBytes, chunk.Data.Length);
        }
    }

    /// <summary>Ends the run that the log ends in and writes its length; later events start a new frame.</summary>
    private void CloseRun()
    {
        if (_runTopic is null)
        {
            return;
        }

        var frame = _tail.Data.AsSpan(_runStart);
        var propertyBytes = _runTopic.Alias == 0 ? PropertyWriter.Size(_runTopic.Utf8.Length) : 0;
        PublishFrame.WriteHeader(frame, _tail.Length - _runStart, _runFlags, propertyBytes, _runTopic.Alias);
        _runTopic = null;
        _runAck = null;
    }

    private void EnsureChunk(int bytes)
    {
        if (_tail.Room >= bytes)
        {
            return;
        }

        var next = bytes <= OutboxChunk.StandardBytes && _free.TryPop(out var kept)
            ? kept
            : new OutboxChunk(Math.Max(bytes, OutboxChunk.StandardBytes));
        next.Restart(_tail.End, _nextNumber);
        _tail.Next = next;
        _tail = next;
    }

    private OutboundTopic FindTopic(string name)
    {
        ThrowIfClosed();
        var topic = _lastTopic;
        if (topic is not null && ReferenceEquals(topic.Text, name))
        {
            return topic;
        }

        if (!_topics.TryGetValue(name, out topic))
        {
            topic = MakeTopic(name);
        }

        _lastTopic = topic;
        return topic;
    }

    private OutboundTopic MakeTopic(string name)
    {
        var utf8 = Encoding.UTF8.GetBytes(name);
        var error = TopicName.Validate(utf8);
        if (error != TopicError.None)
        {
            throw PublishErrors.BadTopic(name, error);
        }

        if (TopicName.IsReserved(utf8))
        {
            throw PublishErrors.SystemTopic(name);
        }

        // Beyond the table topics stay unknown here and travel as text: what a client remembers is bounded. So do those
        // of replies, of which each is used once.
        if (_topics.Count >= _maxAliases || utf8.AsSpan().StartsWith(TopicName.ReplyPrefix))
        {
            return new OutboundTopic(name, utf8, 0);
        }

        var topic = new OutboundTopic(name, utf8, (uint)_topics.Count + 1);
        _topics.Add(name, topic);
        return topic;
    }

    private void CheckSize(OutboundTopic topic, int payloadBytes, int propertyBytes)
    {
        if (payloadBytes > _maxPayload || FrameBytes(topic, payloadBytes, propertyBytes) > _maxFrame)
        {
            throw PublishErrors.PayloadTooLarge(payloadBytes, _maxPayload);
        }
    }

    /// <summary>
    /// Bytes of a frame with one event, its topic as text counted in: it may have to be declared or written out.
    /// </summary>
    private static int FrameBytes(OutboundTopic topic, int payloadBytes, int propertyBytes) =>
        TopicFrame.HeaderBytes + topic.Utf8.Length
        + PublishFrame.HeaderBytes + propertyBytes + EventRunBody.SizeFieldBytes + payloadBytes;

    /// <summary>Whether so many bytes may be added; an empty log takes one frame of any size.</summary>
    private bool HasRoom(int bytes, int limit)
    {
        var held = _tail.End - KeepFrom();
        return held == 0 || held + bytes <= limit;
    }

    private void ReleaseRoomWaiters()
    {
        while (_roomWaiters.TryDequeue(out var waiter))
        {
            waiter.TrySetResult();
        }
    }
}
