using System.Runtime.CompilerServices;

namespace NexusD.Protocol;

/// <summary>
/// Offsets that DELIVER, FORWARD and RETAINED share, so that a run travels on without moving its parts.
/// </summary>
internal static class RunLayout
{
    /// <summary>u32: the subscription in DELIVER, members in FORWARD where it has any, else reserved.</summary>
    internal const int TargetOffset = 8;
    internal const int AliasOffset = 12;
    internal const int PublisherOffset = 16;
    internal const int NumberOffset = 24;
    internal const int TimestampOffset = 32;
    internal const int HeaderBytes = 40;

    /// <summary>A publisher is never 0, and a number lies between 1 and 2^63 - 1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool IsIdentity(ulong publisher, ulong number) =>
        publisher != 0 && number - 1 < ProtocolLimits.MaxNumber;
}
