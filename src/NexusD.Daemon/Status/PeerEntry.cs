using NexusD.Peering;

namespace NexusD.Daemon.Status;

/// <summary>A peer in the answer to the query <c>peers</c>: a link, or an address where no link is.</summary>
internal sealed record PeerEntry
{
    /// <summary>Node id, 32 hexadecimal digits; empty while it is not known.</summary>
    public required string Id { get; init; }

    public required string Name { get; init; }

    public required string Address { get; init; }

    /// <summary>up, suspect (nothing heard for a while), connecting or down (waits for the next try).</summary>
    public required string State { get; init; }

    public required string Engine { get; init; }

    public string Version { get; init; } = string.Empty;

    public bool Dialed { get; init; }

    public double UpSeconds { get; init; }

    /// <summary>Smoothed round-trip time in microseconds; 0 while it is not known.</summary>
    public long RttUs { get; init; }

    /// <summary>Filters that the peer wants; -1: everything.</summary>
    public int Interest { get; init; }

    /// <summary>Members of groups that the peer has.</summary>
    public int GroupMembers { get; init; }

    public long EventsIn { get; init; }

    public long EventsOut { get; init; }

    public long BytesIn { get; init; }

    public long BytesOut { get; init; }

    public long QueuedBytes { get; init; }

    public long DroppedLinkFull { get; init; }

    public long DroppedTooLarge { get; init; }

    /// <summary>Events that were under way to a process that is gone, or that lost track of its lanes.</summary>
    public long DroppedLinkLost { get; init; }

    /// <summary>Events that were held while the node could not be reached, and given up.</summary>
    public long DroppedLinkDown { get; init; }

    public long DroppedMemory { get; init; }

    public long PacketsLost { get; init; }

    /// <summary>Who named the address.</summary>
    public IReadOnlyList<string>? Sources { get; init; }

    public long? Failures { get; init; }

    public string? LastFailure { get; init; }

    public double? NextTrySeconds { get; init; }

    /// <summary>The state of a link as people know it.</summary>
    public static string StateOf(LinkState state) => state switch
    {
        LinkState.Up or LinkState.Retiring => "up",
        LinkState.Suspect => "suspect",
        LinkState.Connecting => "connecting",
        _ => "down",
    };

    /// <summary>Links first, then addresses where no link is.</summary>
    public static IEnumerable<PeerEntry> From(MeshSnapshot mesh) =>
        mesh.Links.Where(l => l.State != LinkState.Retiring && (l.State != LinkState.Connecting || !l.Dialed))
            .OrderBy(l => l.NodeName, StringComparer.Ordinal)
            .Select(l => From(l, mesh.Engine))
            .Concat(mesh.Addresses.Where(a => a.State is "dialing" or "waiting").Select(a => From(a, mesh.Engine)));

    private static PeerEntry From(LinkSnapshot link, string engine) => new()
    {
        Id = link.NodeId,
        Name = link.NodeName,
        Address = link.MeshAddress.Length > 0 ? link.MeshAddress : link.Address,
        State = StateOf(link.State),
        Engine = engine,
        Version = link.Version,
        Dialed = link.Dialed,
        UpSeconds = Math.Round(link.UpSeconds, 3),
        RttUs = link.RttMicroseconds,
        Interest = link.InterestCount,
        GroupMembers = link.GroupMembers,
        EventsIn = link.EventsIn,
        EventsOut = link.EventsOut,
        BytesIn = link.BytesIn,
        BytesOut = link.BytesOut,
        QueuedBytes = link.QueuedBytes,
        DroppedLinkFull = link.DroppedLinkFull,
        DroppedTooLarge = link.DroppedTooLarge,
        DroppedLinkLost = link.DroppedLinkLost,
        DroppedLinkDown = link.DroppedLinkDown,
        DroppedMemory = link.DroppedMemory,
        PacketsLost = link.PacketsLost,
    };

    private static PeerEntry From(AddressSnapshot address, string engine) => new()
    {
        Id = string.Empty,
        Name = string.Empty,
        Address = address.Address,
        State = address.State == "dialing" ? "connecting" : "down",
        Engine = engine,
        Sources = address.Sources,
        Failures = address.Failures,
        LastFailure = address.LastFailure.Length > 0 ? address.LastFailure : null,
        NextTrySeconds = address.NextTrySeconds < 0 ? null : Math.Round(address.NextTrySeconds, 3),
    };
}
