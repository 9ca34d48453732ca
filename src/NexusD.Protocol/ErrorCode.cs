namespace NexusD.Protocol;

/// <summary>
/// Error codes of both stream protocols and of QUIC closes (docs/protocol/README.md "Error codes"). Numbers are frozen
/// and never reused.
/// </summary>
public enum ErrorCode : ushort
{
    /// <summary>No error; as a QUIC close an orderly one.</summary>
    None = 0,
    BadGreeting = 1,
    Malformed = 2,
    FrameTooLarge = 3,
    PayloadTooLarge = 4,
    UnknownAlias = 5,
    BadTopic = 6,
    BadFilter = 7,
    UnsupportedVersion = 8,
    OutOfOrder = 9,
    TooManySubscriptions = 10,
    SubscriptionInUse = 11,
    UnknownSubscription = 12,
    TooManySessions = 13,
    Unauthenticated = 14,
    Forbidden = 15,
    WrongCluster = 16,
    DuplicateLink = 17,
    SelfLink = 18,
    ShuttingDown = 19,
    Idle = 20,
    UnknownQuery = 21,
    OverLimit = 22,
    Internal = 23,
    OutOfMemory = 24,
    KeepOver = 26,
    TakenOver = 27,
}
