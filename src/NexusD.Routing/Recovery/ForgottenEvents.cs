using NexusD.Protocol;

namespace NexusD.Routing.Recovery;

/// <summary>Events of one publisher and class on one topic that a ring had and has no longer.</summary>
internal struct ForgottenEvents
{
    public ulong Publisher;
    public Priority Priority;

    /// <summary>Number of the first.</summary>
    public ulong Low;

    /// <summary>Number of the last.</summary>
    public ulong High;

    /// <summary>Timestamp of the last.</summary>
    public ulong Timestamp;

    public long Count;
}
