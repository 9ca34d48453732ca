using System.Runtime.CompilerServices;

namespace NexusD.Protocol;

/// <summary>
/// The properties of a run, checked in one pass; what routing needs of them, and where the topic property lies so that
/// it can be left out or put in when the run travels on. Source: docs/protocol/README.md "Event run".
/// </summary>
public ref struct EventProperties
{
    /// <summary>The topic name as text, not yet judged; empty when the run uses an alias.</summary>
    public ReadOnlySpan<byte> Topic { get; private set; }

    /// <summary>
    /// Offset of the topic property (its id byte) in the list; meaningful when <see cref="TopicBytes"/> is not 0.
    /// </summary>
    public int TopicOffset { get; private set; }

    /// <summary>Bytes of the whole topic property, 0 when there is none.</summary>
    public int TopicBytes { get; private set; }

    /// <summary>Milliseconds from the timestamp of the run; 0: no limit.</summary>
    public uint TimeToLiveMs { get; private set; }

    public Priority Priority { get; private set; }

    /// <summary>
    /// Reads and checks the list. <see cref="ErrorCode.Malformed"/> when a property runs past the end, has a value of a
    /// wrong size or range, when the list is too long, or when a topic property does not stand exactly when the alias
    /// is 0. The topic itself is judged by <see cref="Topics.TopicName.Validate"/>.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ErrorCode TryRead(ReadOnlySpan<byte> list, uint alias, out EventProperties properties)
    {
        properties = default;
        if (list.IsEmpty)
        {
            return alias != 0 ? ErrorCode.None : ErrorCode.Malformed;
        }

        return properties.ReadList(list) && (alias == 0) == (properties.TopicBytes != 0)
            ? ErrorCode.None
            : ErrorCode.Malformed;
    }

    /// <summary>Copies the list without its topic property; returns the bytes copied.</summary>
    public readonly int CopyWithoutTopic(ReadOnlySpan<byte> list, Span<byte> destination)
    {
        list[..TopicOffset].CopyTo(destination);
        list[(TopicOffset + TopicBytes)..].CopyTo(destination[TopicOffset..]);
        return list.Length - TopicBytes;
    }

    /// <summary>
    /// The list without its topic property when that is a part of the list in one piece, as when the topic stands first
    /// or last; else false and <see cref="CopyWithoutTopic"/> is needed.
    /// </summary>
    public readonly bool TryGetWithoutTopic(ReadOnlySpan<byte> list, out ReadOnlySpan<byte> rest)
    {
        int end = TopicOffset + TopicBytes;
        rest = TopicOffset == 0 ? list[end..] : list[..TopicOffset];
        return TopicOffset == 0 || end == list.Length;
    }

    private bool ReadList(ReadOnlySpan<byte> list)
    {
        PropertyReader reader = new(list);
        int headers = 0;
        int start = 0;
        while (reader.TryRead(out byte id, out ReadOnlySpan<byte> value))
        {
            bool good = id switch
            {
                PropertyId.Topic => ReadTopic(value, start),
                PropertyId.ContentType => WireText.IsValid(value, 1, ProtocolLimits.MaxShortTextBytes),
                PropertyId.CorrelationId => value.Length is >= 1 and <= ProtocolLimits.MaxShortTextBytes,
                PropertyId.Header => EventHeader.TryRead(value, out _) && ++headers <= ProtocolLimits.MaxEventHeaders,
                PropertyId.TimeToLive => ReadTimeToLive(value),
                PropertyId.Priority => ReadPriority(value),
                PropertyId.ReplyTopic => WireText.IsValid(value, 1, ProtocolLimits.MaxTopicBytes),
                _ => true,
            };
            if (!good)
            {
                return false;
            }

            start = reader.Offset;
        }

        return !reader.Malformed && list.Length - TopicBytes <= ProtocolLimits.MaxEventPropertyBytes;
    }

    private bool ReadTopic(ReadOnlySpan<byte> value, int start)
    {
        // A second one is an error: taking the first out again would leave a topic beside an alias.
        bool first = TopicBytes == 0;
        Topic = value;
        TopicOffset = start;
        TopicBytes = PropertyWriter.Size(value.Length);
        return first;
    }

    private bool ReadTimeToLive(ReadOnlySpan<byte> value)
    {
        bool good = PropertyValue.TryRead(value, out uint milliseconds) && milliseconds != 0;
        TimeToLiveMs = milliseconds;
        return good;
    }

    private bool ReadPriority(ReadOnlySpan<byte> value)
    {
        bool good = value.Length == 1 && value[0] <= (byte)Priority.Low;
        Priority = good ? (Priority)value[0] : Priority.Normal;
        return good;
    }
}
