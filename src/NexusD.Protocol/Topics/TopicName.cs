using System.Buffers;
using System.Text.Unicode;

namespace NexusD.Protocol.Topics;

/// <summary>The grammar of topic names: docs/protocol/topics.md "Names".</summary>
public static class TopicName
{
    /// <summary>What parts levels.</summary>
    public const byte Separator = (byte)'/';

    /// <summary>What the topics of replies start with.</summary>
    public static ReadOnlySpan<byte> ReplyPrefix => "$reply/"u8;

    private static readonly SearchValues<byte> _forbidden = SearchValues.Create("*+#\0"u8);

    /// <summary>
    /// Judges a name. Names of the system are valid here; who may publish to one is decided elsewhere, see
    /// <see cref="IsReserved"/>. Allocates nothing.
    /// </summary>
    public static TopicError Validate(ReadOnlySpan<byte> utf8)
    {
        TopicError error = ValidateText(utf8);
        if (error != TopicError.None)
        {
            return error;
        }

        int bad = utf8.IndexOfAny(_forbidden);
        return bad < 0 ? TopicError.None : utf8[bad] == 0 ? TopicError.ContainsNul : TopicError.WildcardInName;
    }

    /// <summary>True when the first level starts with <c>$</c>: the name belongs to the system.</summary>
    public static bool IsSystem(ReadOnlySpan<byte> name) => !name.IsEmpty && name[0] == (byte)'$';

    /// <summary>
    /// True where applications may not publish: names of the system, but not those below <c>$reply/</c>, to which
    /// requests are answered.
    /// </summary>
    public static bool IsReserved(ReadOnlySpan<byte> name) =>
        IsSystem(name) && !(name.StartsWith(ReplyPrefix) && name.Length > ReplyPrefix.Length);

    /// <summary>What names and filters have in common: length, levels and encoding.</summary>
    internal static TopicError ValidateText(ReadOnlySpan<byte> utf8)
    {
        if (utf8.IsEmpty)
        {
            return TopicError.Empty;
        }

        if (utf8.Length > ProtocolLimits.MaxTopicBytes)
        {
            return TopicError.TooLong;
        }

        if (utf8.Count(Separator) >= ProtocolLimits.MaxTopicLevels)
        {
            return TopicError.TooManyLevels;
        }

        return Utf8.IsValid(utf8) ? TopicError.None : TopicError.InvalidUtf8;
    }
}
