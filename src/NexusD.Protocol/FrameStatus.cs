namespace NexusD.Protocol;

/// <summary>
/// Outcome of cutting a frame off a stream. The two errors have the number of their <see cref="ErrorCode"/>.
/// </summary>
public enum FrameStatus : ushort
{
    /// <summary>The bytes hold the whole frame.</summary>
    Complete = 0,

    /// <summary>The length is below 4 or the kind can never be assigned.</summary>
    Malformed = ErrorCode.Malformed,

    /// <summary>The frame is longer than the limit.</summary>
    TooLarge = ErrorCode.FrameTooLarge,

    /// <summary>Nothing is wrong so far; more bytes must come.</summary>
    NeedMore = 0xFFFF,
}
