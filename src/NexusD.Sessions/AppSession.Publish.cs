using System.Runtime.CompilerServices;
using NexusD.Buffers;
using NexusD.Protocol;
using NexusD.Protocol.App;
using NexusD.Protocol.Topics;
using NexusD.Routing;

namespace NexusD.Sessions;

/// <content>The way of events in: checked, numbered, stamped, routed. Nothing here allocates for an event.</content>
internal sealed partial class AppSession
{
    private readonly IncomingAliases _incoming;
    private ulong _nextNumber;

    // Structs that hold spans are neither passed on nor assigned twice here: either makes the compiler keep and copy
    // them in memory, which costs more than the rest of the work for a frame with one event.
    private void OnPublish(ReadOnlySpan<byte> frame, Slab? slab, int frameOffset)
    {
        if (PublishFrame.TryRead(frame, out PublishFrame publish) != ErrorCode.None)
        {
            Fail(ErrorCode.Malformed, "PUBLISH: the frame is shorter than its header says.");
            return;
        }

        uint alias = publish.Alias;
        RunFlags flags = publish.Flags;
        ReadOnlySpan<byte> body = publish.Body;
        ReadOnlySpan<byte> properties = publish.Properties;
        ErrorCode code = EventRunBody.Validate(
            body, (uint)_table.Options.MaxPayloadBytes, frame.Length, out int count);
        uint timeToLiveMs = 0;
        Priority priority = Priority.Normal;
        Topic? topic = alias != 0 && properties.IsEmpty
            ? FindTopic(alias, ref code)
            : FindTopic(alias, ref properties, ref code, out timeToLiveMs, out priority);
        ulong number = _nextNumber;
        _nextNumber += (ulong)count;
        if (code != ErrorCode.None)
        {
            RefusePublish(code, alias, flags, number, count);
            return;
        }

        PublishOutcome outcome = Route(new EventRun
        {
            Topic = topic!,
            Publisher = _publisher!.Id,
            Number = number,
            Timestamp = _table.BatchTimestamp,
            Count = count,
            Flags = (flags & RunFlags.Retain) | topic!.OwnFlags,
            Priority = priority,
            TimeToLiveMs = timeToLiveMs,
            Properties = properties,
            Body = body,
            Shared = slab,
            SharedOffset = frameOffset + frame.Length - body.Length,
        });
        _eventsIn += count;
        Statistics.EventsInCount += count;
        Statistics.BytesInCount += frame.Length;
        if ((flags & RunFlags.Acknowledge) != 0)
        {
            WriteAck(ErrorCode.None, number, count, outcome);
        }
    }

    /// <summary>
    /// Routes what this publisher has not published before: a client that reconnects may send events again.
    /// </summary>
    private PublishOutcome Route(in EventRun run)
    {
        int duplicates = _publisher!.Duplicates(run.Number, run.Count, run.Priority);
        if (duplicates == 0)
        {
            _publisher.Advance(run.Number, run.Count, run.Priority);
            return _table.Router.Publish(run);
        }

        _duplicates += duplicates;
        Statistics.DuplicateCount += duplicates;
        if (duplicates == run.Count)
        {
            return default;
        }

        _publisher.Advance(run.Number, run.Count, run.Priority);
        return _table.Router.Publish(run.Skip(duplicates));
    }

    /// <summary>The topic of an alias; an error found before has priority, unless this one ends the session.</summary>
    private Topic? FindTopic(uint alias, ref ErrorCode code)
    {
        Topic? topic = _incoming.Find(alias);
        if (topic is null)
        {
            code = code == ErrorCode.Malformed ? code : ErrorCode.UnknownAlias;
        }
        else if (ReferenceEquals(topic, _table.RefusedTopic))
        {
            code = code == ErrorCode.None ? ErrorCode.BadTopic : code;
        }

        return topic;
    }

    /// <summary>
    /// The topic of a PUBLISH with properties, and what these say. The list is left without the topic's own property.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private Topic? FindTopic(
        uint alias,
        ref ReadOnlySpan<byte> list,
        ref ErrorCode code,
        out uint timeToLiveMs,
        out Priority priority)
    {
        bool isGood = EventProperties.TryRead(list, alias, out EventProperties properties) == ErrorCode.None;
        timeToLiveMs = properties.TimeToLiveMs;
        priority = properties.Priority;
        if (!isGood)
        {
            code = ErrorCode.Malformed;
            return null;
        }

        if (alias != 0)
        {
            return FindTopic(alias, ref code);
        }

        ReadOnlySpan<byte> name = properties.Topic;
        if (!properties.TryGetWithoutTopic(list, out ReadOnlySpan<byte> rest))
        {
            Span<byte> scratch = _table.PropertyScratch;
            rest = scratch[..properties.CopyWithoutTopic(list, scratch)];
        }

        list = rest;
        if (code != ErrorCode.None)
        {
            return null;
        }

        if (TopicName.Validate(name) == TopicError.None && !TopicName.IsReserved(name))
        {
            return _table.Router.Intern(name);
        }

        code = ErrorCode.BadTopic;
        return null;
    }

    private void RefusePublish(ErrorCode code, uint alias, RunFlags flags, ulong number, int count)
    {
        switch (code)
        {
            case ErrorCode.Malformed:
                Fail(code, "PUBLISH: a property breaks the format, the sizes of the payloads do not add up to the end "
                    + "of the frame, or a frame with several events is longer than "
                    + $"{ProtocolLimits.MaxRunFrameBytes} bytes.");
                return;
            case ErrorCode.UnknownAlias:
                Fail(code, alias > (uint)_incoming.Max
                    ? $"Topic alias {alias} is above the limit of {_incoming.Max}."
                    : $"Topic alias {alias} was not declared; send a TOPIC frame first.");
                return;
        }

        CountRefusal(code);
        if ((flags & RunFlags.Acknowledge) != 0)
        {
            WriteAck(code, number, count, default);
            return;
        }

        WriteError(code, closes: false, number, code == ErrorCode.PayloadTooLarge
            ? $"A payload may have {_table.Options.MaxPayloadBytes} bytes at most; the run was not routed."
            : "The topic is no name that an application may publish to; the run was not routed.");
    }
}
