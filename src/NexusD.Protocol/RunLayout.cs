namespace NexusD.Protocol;

/// <summary>Offsets that DELIVER, FORWARD and RETAINED share, so that a run travels on without moving its parts.</summary>
internal static class RunLayout
{
    /// <summary>u32: the subscription in DELIVER, reserved in the others.</summary>
    internal const int TargetOffset = 8;
    internal const int AliasOffset = 12;
    internal const int PublisherOffset = 16;
    internal const int NumberOffset = 24;
    internal const int TimestampOffset = 32;
    internal const int HeaderBytes = 40;
}
