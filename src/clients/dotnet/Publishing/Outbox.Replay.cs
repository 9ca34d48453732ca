using System.Runtime.InteropServices;
using NexusD.Protocol;
using NexusD.Protocol.App;

namespace NexusdClient.Publishing;

/// <summary>What happens to the log between two connections. None of it is in a hurry.</summary>
internal sealed partial class Outbox
{
    /// <summary>
    /// Sets the log back: to the oldest publish that waits for an acknowledgement, else to the frame that was cut off.
    /// Events before it that nobody confirmed are in doubt from now on.
    /// </summary>
    private void RewindLog(bool allTaken)
    {
        var whole = 0;
        while (whole + FrameHeader.Size <= _sendChunk.Sent
            && whole + FrameBytesAt(_sendChunk, whole) <= _sendChunk.Sent)
        {
            whole += FrameBytesAt(_sendChunk, whole);
        }

        var from = _sendChunk.Base + whole;
        if (_acks.TryPeek(out var oldest) && oldest.Start < from)
        {
            from = oldest.Start;
        }

        var chunk = _head;
        while (chunk != _tail && from >= chunk.End)
        {
            chunk = chunk.Next!;
        }

        for (var later = chunk; later is not null; later = later.Next)
        {
            later.Sent = 0;
        }

        chunk.Sent = (int)(from - chunk.Base);
        _sendChunk = chunk;
        Trim();

        var next = _sendChunk.FirstNumber + (ulong)CountEvents(_sendChunk, 0, _sendChunk.Sent);
        if (next > _confirmedNumber)
        {
            _inDoubt += allTaken ? 0 : (long)(next - _confirmedNumber);
            _confirmedNumber = next;
        }
    }

    /// <summary>
    /// Follows the daemon where it numbers the connection's events from another number than was asked for.
    /// </summary>
    private void RenumberFrom(ulong first)
    {
        var shift = first - (_sendChunk.FirstNumber + (ulong)CountEvents(_sendChunk, 0, _sendChunk.Sent));
        if (shift == 0)
        {
            return;
        }

        for (var chunk = _head; chunk is not null; chunk = chunk.Next)
        {
            chunk.FirstNumber += shift;
        }

        _nextNumber += shift;
        _confirmedNumber += shift;
        _numberShift += (long)shift;
        foreach (ref var flush in CollectionsMarshal.AsSpan(_flushes))
        {
            flush.Number += shift;
        }
    }

    /// <summary>Makes the waiting part of the log fit what this daemon takes.</summary>
    /// <returns>
    /// False: events were too large for it and were taken out, which changes the numbers of the others.
    /// </returns>
    private bool FitLog()
    {
        var byAlias = new Dictionary<uint, OutboundTopic>();
        var tooManyAliases = false;
        foreach (var topic in _topics.Values)
        {
            byAlias[topic.Alias] = topic;
            tooManyAliases |= topic.Alias > _maxAliases;
        }

        CloseRun();
        if (!tooManyAliases && !AnyFrameTooLarge())
        {
            return true;
        }

        foreach (var topic in _topics.Values)
        {
            topic.Alias = topic.Alias <= _maxAliases ? topic.Alias : 0;
        }

        return RewriteLog(byAlias);
    }

    private bool AnyFrameTooLarge()
    {
        for (var chunk = _sendChunk; chunk is not null; chunk = chunk.Next)
        {
            for (var at = chunk.Sent; at < chunk.Length; at += FrameBytesAt(chunk, at))
            {
                if (IsTooLarge(chunk.Data.AsSpan(at, FrameBytesAt(chunk, at))))
                {
                    return true;
                }
            }
        }

        return false;
    }

    private bool IsTooLarge(ReadOnlySpan<byte> frame)
    {
        FrameHeader.TryRead(frame, out var header);
        return frame.Length > _maxFrame || (header.Kind == FrameKind.Publish && LargestPayload(frame) > _maxPayload);
    }

    private bool RewriteLog(Dictionary<uint, OutboundTopic> byAlias)
    {
        var number = _sendChunk.FirstNumber + (ulong)CountEvents(_sendChunk, 0, _sendChunk.Sent);
        var endNumber = _nextNumber;
        var old = _sendChunk;
        var acks = new Queue<PendingAck>(_acks);
        _acks.Clear();
        _nextNumber = number;
        var end = _tail.End;
        _head = _tail = _sendChunk = new OutboxChunk(OutboxChunk.StandardBytes) { Base = end, FirstNumber = number };
        for (OutboxChunk? chunk = old; chunk is not null; chunk = chunk.Next)
        {
            for (var at = chunk.Sent; at < chunk.Length; at += FrameBytesAt(chunk, at))
            {
                var frame = chunk.Data.AsSpan(at, FrameBytesAt(chunk, at));
                FrameHeader.TryRead(frame, out var header);
                if (header.Kind == FrameKind.Publish)
                {
                    RewriteFrame(frame, byAlias, acks);
                }
            }
        }

        var dropped = endNumber - _nextNumber;
        _numberShift -= (long)dropped;
        _confirmedNumber = Math.Min(_confirmedNumber, _nextNumber);
        return dropped == 0;
    }

    private void RewriteFrame(
        ReadOnlySpan<byte> frame, Dictionary<uint, OutboundTopic> byAlias, Queue<PendingAck> acks)
    {
        PublishFrame.TryRead(frame, out var publish);
        var ack = publish.Flags.HasFlag(RunFlags.Acknowledge) ? acks.Dequeue() : null;
        if (IsTooLarge(frame))
        {
            ack?.Fail(PublishErrors.PayloadTooLarge(LargestPayload(frame), _maxPayload));
            return;
        }

        // The topic of a frame without alias already stands first among its properties.
        var topic = publish.Alias == 0 ? null : byAlias[publish.Alias];
        var topicBytes = topic is { Alias: 0 } ? PropertyWriter.Size(topic.Utf8.Length) : 0;
        EnsureChunk(frame.Length + topicBytes);
        var start = _tail.Length;
        var copy = _tail.Data.AsSpan(start, frame.Length + topicBytes);
        PublishFrame.WriteHeader(
            copy, copy.Length, publish.Flags, publish.Properties.Length + topicBytes, topic?.Alias ?? 0);
        if (topicBytes != 0)
        {
            new PropertyWriter(copy[PublishFrame.HeaderBytes..]).Write(PropertyId.Topic, topic!.Utf8);
        }

        frame[PublishFrame.HeaderBytes..].CopyTo(copy[(PublishFrame.HeaderBytes + topicBytes)..]);
        _tail.Length += copy.Length;
        _nextNumber += (ulong)CountEvents(_tail, start, _tail.Length);
        if (ack is not null)
        {
            ack.Start = _tail.Base + start;
            _acks.Enqueue(ack);
        }
    }

    private static int FrameBytesAt(OutboxChunk chunk, int offset)
    {
        FrameHeader.TryRead(chunk.Data.AsSpan(offset), out var header);
        return header.FrameBytes;
    }

    private static long LargestPayload(ReadOnlySpan<byte> frame)
    {
        PublishFrame.TryRead(frame, out var publish);
        var reader = new RunReader(publish.Body);
        var largest = 0;
        while (reader.TryRead(out var payload))
        {
            largest = Math.Max(largest, payload.Length);
        }

        return largest;
    }

    private static int CountEvents(OutboxChunk chunk, int from, int to)
    {
        var events = 0;
        while (from < to)
        {
            var frame = chunk.Data.AsSpan(from, FrameBytesAt(chunk, from));
            FrameHeader.TryRead(frame, out var header);
            if (header.Kind == FrameKind.Publish)
            {
                PublishFrame.TryRead(frame, out var publish);
                var reader = new RunReader(publish.Body);
                while (reader.TryRead(out _))
                {
                    events++;
                }
            }

            from += frame.Length;
        }

        return events;
    }
}
