namespace NexusD.Protocol.Topics;

/// <summary>Why a topic name or filter is invalid (docs/protocol/topics.md).</summary>
public enum TopicError : byte
{
    /// <summary>It is valid.</summary>
    None = 0,
    Empty = 1,
    TooLong = 2,
    TooManyLevels = 3,
    InvalidUtf8 = 4,
    ContainsNul = 5,

    /// <summary>A name contains <c>*</c>, <c>+</c> or <c>#</c>.</summary>
    WildcardInName = 6,

    /// <summary>A filter has a wildcard character inside a level.</summary>
    WildcardInsideLevel = 7,

    /// <summary>A filter has <c>#</c> or <c>**</c> before its last level.</summary>
    MultiLevelNotLast = 8,

    /// <summary>A plain filter starts with <c>$share</c>, which is for groups.</summary>
    ReservedPrefix = 9,

    /// <summary>A group filter without a name, with one that is none, or without a filter.</summary>
    BadGroup = 10,
}
