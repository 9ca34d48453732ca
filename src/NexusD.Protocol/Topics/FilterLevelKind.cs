namespace NexusD.Protocol.Topics;

/// <summary>What a level of a filter asks for.</summary>
public enum FilterLevelKind : byte
{
    /// <summary>Exactly these bytes.</summary>
    Literal = 0,

    /// <summary><c>*</c>: exactly one level, also an empty one.</summary>
    Single = 1,

    /// <summary><c>#</c>: zero or more levels; the last level of a filter only.</summary>
    Multi = 2,
}
