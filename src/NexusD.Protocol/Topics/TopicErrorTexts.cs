namespace NexusD.Protocol.Topics;

/// <summary>What to tell the person who wrote the topic.</summary>
public static class TopicErrorTexts
{
    /// <summary>One sentence that says what is wrong and what would be right.</summary>
    public static string Describe(this TopicError error) => error switch
    {
        TopicError.None => "The topic is valid.",
        TopicError.Empty => "A topic has at least 1 byte.",
        TopicError.TooLong => "A topic has at most 1024 bytes of UTF-8; shorten it.",
        TopicError.TooManyLevels => "A topic has at most 64 levels; use fewer slashes.",
        TopicError.InvalidUtf8 => "A topic must be well-formed UTF-8.",
        TopicError.ContainsNul => "A topic must not contain NUL (U+0000).",
        TopicError.WildcardInName => "A topic name must not contain '*', '+' or '#'; these are for filters only.",
        TopicError.WildcardInsideLevel => "A wildcard must be a whole level of a filter: 'a/*/b', not 'a*/b'.",
        TopicError.MultiLevelNotLast => "'#' (or '**') may only be the last level of a filter; use '*' for one level.",
        TopicError.ReservedPrefix => "A filter that starts with '$share' is for groups and cannot stand here.",
        TopicError.BadGroup => "A group filter is '$share/GROUP/FILTER', GROUP a name of 1 to 64 bytes without '/', "
            + "'+', '*' and '#'.",
        _ => "The topic is invalid.",
    };
}
