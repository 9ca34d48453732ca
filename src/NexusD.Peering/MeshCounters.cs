using NexusD.Protocol;

namespace NexusD.Peering;

/// <summary>Sums over all links since the start. Written by the loop's thread; the snapshot holds a copy.</summary>
public sealed class MeshCounters
{
    private const int Codes = 32;

    private long[] _refusedHere = new long[Codes];
    private long[] _refusedThere = new long[Codes];

    /// <summary>Connections begun.</summary>
    public long Dials { get; internal set; }

    /// <summary>Connections begun that became no link, given up ones not counted.</summary>
    public long DialFailures { get; internal set; }

    /// <summary>Links that came up.</summary>
    public long LinksUp { get; internal set; }

    /// <summary>Links that were up and are not any more.</summary>
    public long LinksDown { get; internal set; }

    /// <summary>Of <see cref="LinksDown"/>, those replaced by another link to the same node.</summary>
    public long LinksReplaced { get; internal set; }

    /// <summary>Connections refused because of the limit of links.</summary>
    public long LinksOverLimit { get; internal set; }

    /// <summary>Peers of other clusters that were refused.</summary>
    public long ClusterMismatches => _refusedHere[(int)ErrorCode.WrongCluster];

    public long EventsIn { get; internal set; }

    public long EventsOut { get; internal set; }

    public long BytesIn { get; internal set; }

    public long BytesOut { get; internal set; }

    /// <summary>Events not sent because a link's queue was full.</summary>
    public long DroppedLinkFull { get; internal set; }

    /// <summary>Events under way to a node that is gone, or that lost track of its lanes.</summary>
    public long DroppedLinkLost { get; internal set; }

    /// <summary>Events held for a node that could not be reached, and given up.</summary>
    public long DroppedLinkDown { get; internal set; }

    /// <summary>Events given up because this node had no memory for them.</summary>
    public long DroppedMemory { get; internal set; }

    /// <summary>Events not sent because the peer takes no frame or payload of their size.</summary>
    public long DroppedTooLarge { get; internal set; }

    /// <summary>Events received and refused because a payload is above the limit.</summary>
    public long RefusedTooLarge { get; internal set; }

    /// <summary>Events received and refused because their topic is none.</summary>
    public long RefusedBadTopic { get; internal set; }

    /// <summary>Times that a peer was asked to tell its interest again.</summary>
    public long InterestRepairs { get; internal set; }

    /// <summary>Times that the retained store was compared with a peer's.</summary>
    public long RetainedRepairs { get; internal set; }

    /// <summary>Retained events taken over from peers' answers.</summary>
    public long RetainedRepaired { get; internal set; }

    /// <summary>Retained events sent to peers that asked for them.</summary>
    public long RetainedSent { get; internal set; }

    /// <summary>Clocks of peers that were too far ahead to be followed.</summary>
    public long ClocksRefused { get; internal set; }

    /// <summary>Links ended by this node with that code.</summary>
    public long RefusedHere(ErrorCode code) => _refusedHere[Index(code)];

    /// <summary>Links ended by the peer with that code.</summary>
    public long RefusedByPeer(ErrorCode code) => _refusedThere[Index(code)];

    internal void CountRefusedHere(ErrorCode code) => _refusedHere[Index(code)]++;

    internal void CountRefusedByPeer(ulong code) => _refusedThere[code < Codes ? (int)code : 0]++;

    internal void Add(Links.LinkLedger link)
    {
        EventsIn += link.EventsIn;
        EventsOut += link.EventsOut;
        BytesIn += link.BytesIn;
        BytesOut += link.BytesOut;
        DroppedLinkFull += link.DroppedLinkFull;
        DroppedTooLarge += link.DroppedTooLarge;
        DroppedLinkLost += link.DroppedLinkLost;
        DroppedLinkDown += link.DroppedLinkDown;
        DroppedMemory += link.DroppedMemory;
    }

    internal MeshCounters Copy()
    {
        var copy = (MeshCounters)MemberwiseClone();
        copy._refusedHere = [.. _refusedHere];
        copy._refusedThere = [.. _refusedThere];
        return copy;
    }

    private static int Index(ErrorCode code) => (int)code < Codes ? (int)code : 0;
}
