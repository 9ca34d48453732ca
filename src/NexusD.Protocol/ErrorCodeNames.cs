namespace NexusD.Protocol;

/// <summary>What the table of error codes says about each code.</summary>
public static class ErrorCodeNames
{
    /// <summary>
    /// The name in the table, such as <c>frame_too_large</c>; <c>error_N</c> for a code this version lacks.
    /// </summary>
    public static string ToWireName(this ErrorCode code) => code switch
    {
        ErrorCode.None => "none",
        ErrorCode.BadGreeting => "bad_greeting",
        ErrorCode.Malformed => "malformed",
        ErrorCode.FrameTooLarge => "frame_too_large",
        ErrorCode.PayloadTooLarge => "payload_too_large",
        ErrorCode.UnknownAlias => "unknown_alias",
        ErrorCode.BadTopic => "bad_topic",
        ErrorCode.BadFilter => "bad_filter",
        ErrorCode.UnsupportedVersion => "unsupported_version",
        ErrorCode.OutOfOrder => "out_of_order",
        ErrorCode.TooManySubscriptions => "too_many_subscriptions",
        ErrorCode.SubscriptionInUse => "subscription_in_use",
        ErrorCode.UnknownSubscription => "unknown_subscription",
        ErrorCode.TooManySessions => "too_many_sessions",
        ErrorCode.Unauthenticated => "unauthenticated",
        ErrorCode.Forbidden => "forbidden",
        ErrorCode.WrongCluster => "wrong_cluster",
        ErrorCode.DuplicateLink => "duplicate_link",
        ErrorCode.SelfLink => "self_link",
        ErrorCode.ShuttingDown => "shutting_down",
        ErrorCode.Idle => "idle",
        ErrorCode.UnknownQuery => "unknown_query",
        ErrorCode.OverLimit => "over_limit",
        ErrorCode.Internal => "internal",
        ErrorCode.OutOfMemory => "out_of_memory",
        ErrorCode.KeepOver => "keep_over",
        ErrorCode.TakenOver => "taken_over",
        _ => $"error_{(ushort)code}",
    };

    /// <summary>
    /// True when the table says that the error ends the connection. <see cref="ErrorCode.OverLimit"/> and
    /// <see cref="ErrorCode.OutOfMemory"/> do not by themselves: the flag of their ERROR frame says so. Codes that this
    /// version lacks do not either.
    /// </summary>
    public static bool EndsConnection(this ErrorCode code) => code switch
    {
        ErrorCode.BadGreeting or ErrorCode.Malformed or ErrorCode.FrameTooLarge or ErrorCode.UnknownAlias
            or ErrorCode.UnsupportedVersion or ErrorCode.OutOfOrder or ErrorCode.TooManySessions
            or ErrorCode.Unauthenticated or ErrorCode.WrongCluster or ErrorCode.DuplicateLink or ErrorCode.SelfLink
            or ErrorCode.ShuttingDown or ErrorCode.Idle or ErrorCode.Internal => true,
        _ => false,
    };
}
