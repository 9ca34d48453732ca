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

    private void OnPublish(ReadOnlySpan<byte> frame, Slab? slab, int frameOffset)
    {
        if (PublishFrame.TryRead(frame, out PublishFrame publish) != ErrorCode.None
            || EventProperties.TryRead(publish.Properties, publish.Alias, out EventProperties properties)
                != ErrorCode.None)
        {
            Fail(ErrorCode.Malformed, "PUBLISH: the header or a property breaks the format.");
            return;
        }

        ErrorCode code = EventRunBody.Validate(
            publish.Body, (uint)_table.Options.MaxPayloadBytes, frame.Length, out int count);
        if (code == ErrorCode.Malformed)
        {
            Fail(ErrorCode.Malformed, "PUBLISH: the sizes of the payloads do not add up to the end of the frame, "
                + $"or a frame with several events is longer than {ProtocolLimits.MaxRunFrameBytes} bytes.");
            return;
        }

        Topic? topic = FindTopic(publish.Alias, properties.Topic, ref code);
        ulong number = _nextNumber;
        _nextNumber += (ulong)count;
        if (topic is null || code != ErrorCode.None)
        {
            RefusePublish(code, publish, number, count);
            return;
        }

        var run = new EventRun
        {
            Topic = topic,
            Publisher = _publisher!.Id,
            Number = number,
            Timestamp = _table.BatchTimestamp,
            Count = count,
            Flags = publish.Flags & RunFlags.Retain,
            Priority = properties.Priority,
            TimeToLiveMs = properties.TimeToLiveMs,
            Properties = publish.Alias != 0 ? publish.Properties : WithoutTopic(publish.Properties, properties),
            Body = publish.Body,
            Shared = slab,
            SharedOffset = frameOffset + frame.Length - publish.Body.Length,
        };
        PublishOutcome outcome = Route(run);
        _eventsIn += count;
        Statistics.EventsInCount += count;
        Statistics.BytesInCount += frame.Length;
        if ((publish.Flags & RunFlags.Acknowledge) != 0)
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

    /// <summary>
    /// The topic of a PUBLISH; null with a code when there is none. An error found before has priority.
    /// </summary>
    private Topic? FindTopic(uint alias, ReadOnlySpan<byte> name, ref ErrorCode code)
    {
        if (alias != 0)
        {
            Topic? topic = _incoming.Find(alias);
            if (topic is null)
            {
                code = ErrorCode.UnknownAlias;
            }
            else if (ReferenceEquals(topic, _table.RefusedTopic))
            {
                code = code == ErrorCode.None ? ErrorCode.BadTopic : code;
            }

            return topic;
        }

        TopicError error = TopicName.Validate(name);
        if (error == TopicError.None && !TopicName.IsSystem(name))
        {
            return code == ErrorCode.None ? _table.Router.Intern(name) : null;
        }

        code = code == ErrorCode.None ? ErrorCode.BadTopic : code;
        return null;
    }

    private ReadOnlySpan<byte> WithoutTopic(ReadOnlySpan<byte> list, in EventProperties properties)
    {
        if (properties.TryGetWithoutTopic(list, out ReadOnlySpan<byte> rest))
        {
            return rest;
        }

        Span<byte> scratch = _table.PropertyScratch;
        return scratch[..properties.CopyWithoutTopic(list, scratch)];
    }

    private void RefusePublish(ErrorCode code, in PublishFrame publish, ulong number, int count)
    {
        if (code == ErrorCode.UnknownAlias)
        {
            Fail(code, publish.Alias > (uint)_table.Options.MaxAliases
                ? $"Topic alias {publish.Alias} is above the limit of {_table.Options.MaxAliases}."
                : $"Topic alias {publish.Alias} was not declared; send a TOPIC frame first.");
            return;
        }

        CountRefusal(code);
        if ((publish.Flags & RunFlags.Acknowledge) != 0)
        {
            WriteAck(code, number, count, default);
            return;
        }

        WriteError(code, closes: false, number, code == ErrorCode.PayloadTooLarge
            ? $"A payload may have {_table.Options.MaxPayloadBytes} bytes at most; the run was not routed."
            : "The topic is no name that an application may publish to; the run was not routed.");
    }
}
