using NexusD.Protocol;

namespace NexusdClient.Receiving;

/// <summary>What the events of one run have in common beside topic and properties.</summary>
internal readonly record struct RunOrigin(ulong Publisher, ulong Clock, RunFlags Flags, string Node)
{
    internal bool IsRetained => (Flags & RunFlags.Retained) != 0;

    internal bool IsReplayed => (Flags & RunFlags.Replayed) != 0;
}
