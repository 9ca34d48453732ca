using System.Net;

namespace NexusD.Peering;

/// <summary>The mesh at one moment; a copy, safe on any thread.</summary>
/// <param name="LocalEndPoint">Where this node listens.</param>
/// <param name="Engine">The QUIC engine: <c>ngtcp2</c> or <c>msquic</c>.</param>
/// <param name="Authenticated">Whether peers have to prove who they are.</param>
/// <param name="Links">Every link, also those that are not up yet, and nodes whose link is lost for now.</param>
/// <param name="Addresses">Every known address.</param>
/// <param name="Counters">Sums since the start.</param>
public sealed record MeshSnapshot(
    IPEndPoint LocalEndPoint,
    string Engine,
    bool Authenticated,
    IReadOnlyList<LinkSnapshot> Links,
    IReadOnlyList<AddressSnapshot> Addresses,
    MeshCounters Counters);

/// <summary>One link at one moment.</summary>
public sealed record LinkSnapshot
{
    /// <summary>Number of the link in this daemon, from 1; never reused.</summary>
    public required long Id { get; init; }

    /// <summary>The peer's node id, 32 hexadecimal digits; empty before its HELLO.</summary>
    public required string NodeId { get; init; }

    /// <summary>The peer's name; empty before its HELLO.</summary>
    public required string NodeName { get; init; }

    /// <summary>The peer's version; empty before its HELLO.</summary>
    public required string Version { get; init; }

    /// <summary>Where the peer's datagrams come from at present.</summary>
    public required string Address { get; init; }

    /// <summary>Where the peer listens: its address with its mesh port; empty before its HELLO.</summary>
    public required string MeshAddress { get; init; }

    public required LinkState State { get; init; }

    /// <summary>Whether this node dialed.</summary>
    public required bool Dialed { get; init; }

    /// <summary>Seconds since the HELLO was accepted; 0 before.</summary>
    public required double UpSeconds { get; init; }

    /// <summary>Smoothed round-trip time in microseconds; 0: not known yet.</summary>
    public required long RttMicroseconds { get; init; }

    /// <summary>Filters that the peer told; -1: it counts as interested in everything.</summary>
    public required int InterestCount { get; init; }

    /// <summary>Members of groups that the peer told.</summary>
    public int GroupMembers { get; init; }

    public required long EventsIn { get; init; }

    public required long EventsOut { get; init; }

    /// <summary>Bytes of lane and control frames read.</summary>
    public required long BytesIn { get; init; }

    /// <summary>Bytes of FORWARD frames written.</summary>
    public required long BytesOut { get; init; }

    /// <summary>Bytes written and not acknowledged, or waiting.</summary>
    public required long QueuedBytes { get; init; }

    /// <summary>Events not sent because the link's queue was full.</summary>
    public required long DroppedLinkFull { get; init; }

    /// <summary>Events not sent because the peer takes no frame or payload of their size.</summary>
    public required long DroppedTooLarge { get; init; }

    /// <summary>Events under way to a node that is gone, or that lost track of its lanes.</summary>
    public required long DroppedLinkLost { get; init; }

    /// <summary>Events held for a node that could not be reached, and given up.</summary>
    public required long DroppedLinkDown { get; init; }

    /// <summary>Events given up because this node had no memory for them.</summary>
    public long DroppedMemory { get; init; }

    /// <summary>QUIC packets declared lost and sent again.</summary>
    public required long PacketsLost { get; init; }
}

/// <summary>A known address at one moment.</summary>
/// <param name="Address">Host and port as named.</param>
/// <param name="Sources">Who names it.</param>
/// <param name="State"><c>linked</c>, <c>self</c>, <c>dialing</c> or <c>waiting</c>.</param>
/// <param name="Tries">Tries since the start, over all endpoints of the name.</param>
/// <param name="Failures">Failed tries since the last link.</param>
/// <param name="LastFailure">Why the last try failed; empty when it did not.</param>
/// <param name="NextTrySeconds">Seconds until the next try; -1: none is planned.</param>
public sealed record AddressSnapshot(
    string Address,
    IReadOnlyList<string> Sources,
    string State,
    long Tries,
    long Failures,
    string LastFailure,
    double NextTrySeconds);
