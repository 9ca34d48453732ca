using NexusD.Discovery.Multicast;
using NexusD.Peering;
using NexusD.Protocol;
using NexusD.Routing;
using NexusD.Sessions;

namespace NexusD.Daemon.Status;

/// <summary>The whole node at one moment: a copy taken on the loop's thread, safe on any.</summary>
internal sealed record NodeSnapshot
{
    public required NodeFacts Facts { get; init; }

    public required TimeSpan Uptime { get; init; }

    public required RouterStatistics Router { get; init; }

    /// <summary>Counters; live, but each may be read on any thread.</summary>
    public required SessionStatistics Sessions { get; init; }

    /// <summary>Events in the longest queue of any subscription.</summary>
    public required int QueueDepthMax { get; init; }

    public required MeshSnapshot Mesh { get; init; }

    /// <summary>Names of the mechanisms in use.</summary>
    public required IReadOnlyList<string> Discovery { get; init; }

    /// <summary>Beacon counters; null without multicast discovery.</summary>
    public required BeaconStatistics? Beacons { get; init; }

    public required bool HealthPortConflict { get; init; }

    public required long LogLinesDropped { get; init; }

    public required MemoryFigures Memory { get; init; }

    /// <summary>Native memory in use for events, bytes.</summary>
    public required long RentedBytes { get; init; }

    /// <summary>Native memory kept for reuse, bytes.</summary>
    public required long KeptBytes { get; init; }

    public required long LoopTurns { get; init; }

    /// <summary>Clocks of others that were too far ahead to be followed.</summary>
    public required long RefusedClocks { get; init; }

    /// <summary>Every reason for which events can be dropped here, where, and how many were.</summary>
    public IEnumerable<(string Reason, string Where, long Events)> Drops()
    {
        foreach (DropReason reason in Enum.GetValues<DropReason>())
        {
            if (reason is not (DropReason.None or DropReason.Duplicate))
            {
                yield return (reason.ToWireName(), "subscription", Sessions.DroppedEvents(reason));
            }
        }

        yield return (DropReason.LinkFull.ToWireName(), "link", Mesh.Counters.DroppedLinkFull);
        yield return (DropReason.TooLarge.ToWireName(), "link", Mesh.Counters.DroppedTooLarge);
        yield return (DropReason.LinkLost.ToWireName(), "link", Mesh.Counters.DroppedLinkLost);
        yield return (DropReason.LinkDown.ToWireName(), "link", Mesh.Counters.DroppedLinkDown);
        yield return (DropReason.Memory.ToWireName(), "link", Mesh.Counters.DroppedMemory);
        yield return (DropReason.TooLarge.ToWireName(), "received", Mesh.Counters.RefusedTooLarge);
        yield return (DropReason.Duplicate.ToWireName(), "session", Sessions.DuplicateEvents);
        yield return (DropReason.Duplicate.ToWireName(), "received", Router.DuplicateEvents);
        yield return (DropReason.NoMember.ToWireName(), "group", Router.NoMemberEvents);
    }

    /// <summary>Links by state as people know it: up, suspect or connecting.</summary>
    public int LinksThatAre(string state) => Mesh.Links.Count(l => PeerEntry.StateOf(l.State) == state);
}
