namespace NexusD.Protocol;

/// <summary>Names of drop reasons, as used in metric labels and status.</summary>
public static class DropReasonNames
{
    /// <summary>One more than the highest reason of this version: the size of a table indexed by reason.</summary>
    public const int Count = 14;

    /// <summary>
    /// The name in the table, such as <c>queue_full</c>; <c>reason_N</c> for a reason this version lacks.
    /// </summary>
    public static string ToWireName(this DropReason reason) => reason switch
    {
        DropReason.None => "none",
        DropReason.QueueFull => "queue_full",
        DropReason.LinkFull => "link_full",
        DropReason.Expired => "expired",
        DropReason.LinkLost => "link_lost",
        DropReason.TooLarge => "too_large",
        DropReason.Duplicate => "duplicate",
        DropReason.BlockTimeout => "block_timeout",
        DropReason.Conflated => "conflated",
        DropReason.Memory => "memory",
        DropReason.NoMember => "no_member",
        DropReason.SessionClosed => "session_closed",
        DropReason.LinkDown => "link_down",
        DropReason.Missed => "missed",
        _ => $"reason_{(ushort)reason}",
    };
}
