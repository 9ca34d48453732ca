namespace NexusD.Routing;

/// <summary>What a router did and holds. Counters only grow; the rest is as of the call.</summary>
/// <param name="PublishedEvents">Events from publishers of this node.</param>
/// <param name="ReceivedEvents">Events from peers, duplicates not counted.</param>
/// <param name="DuplicateEvents">Events from peers that had come before, and were dropped.</param>
/// <param name="DeliveredLocalEvents">Events handed to subscriptions: one event for three of them counts three.</param>
/// <param name="DeliveredPeerEvents">Events handed to links.</param>
/// <param name="UnroutedEvents">Events that nobody wanted.</param>
/// <param name="ResolvedRoutes">Walks through the tries.</param>
/// <param name="UncachedRoutes">
/// Of these, routes that were not kept because of <see cref="RouterOptions.MaxRouteEntries"/>.
/// </param>
/// <param name="RouteEntries">Targets in all remembered routes.</param>
/// <param name="Topics">Topic names known.</param>
/// <param name="EvictedTopics">Topic names given up for others.</param>
/// <param name="LocalFilters">Different filters of this node's subscriptions.</param>
/// <param name="LocalSubscriptions">Pairs of subscription and filter.</param>
/// <param name="PeerFilters">Different filters of all peers.</param>
/// <param name="PeerInterests">Pairs of peer and filter.</param>
/// <param name="Links">Links to peers.</param>
/// <param name="Publishers">Publishers known.</param>
/// <param name="RetainedEvents">Retained events, tombstones not counted.</param>
/// <param name="RetainedTombstones">Deleted topics that are still remembered as such.</param>
/// <param name="RetainedBytes">Bytes that both take.</param>
/// <param name="RefusedRetainedEvents">Retained events that found no room.</param>
/// <param name="AheadRetainedEvents">Retained events that a clock too far ahead had stamped; not kept.</param>
/// <param name="RevivedRetainedEvents">
/// Retained events that a peer brought back after longer than deletions are remembered.
/// </param>
/// <param name="RetainedDigest">XOR over all entries; equal on nodes with equal stores.</param>
public readonly record struct RouterStatistics(
    long PublishedEvents,
    long ReceivedEvents,
    long DuplicateEvents,
    long DeliveredLocalEvents,
    long DeliveredPeerEvents,
    long UnroutedEvents,
    long ResolvedRoutes,
    long UncachedRoutes,
    long RouteEntries,
    int Topics,
    long EvictedTopics,
    int LocalFilters,
    int LocalSubscriptions,
    int PeerFilters,
    int PeerInterests,
    int Links,
    int Publishers,
    int RetainedEvents,
    int RetainedTombstones,
    long RetainedBytes,
    long RefusedRetainedEvents,
    long AheadRetainedEvents,
    long RevivedRetainedEvents,
    ulong RetainedDigest)
{
    /// <summary>Groups that have a member somewhere.</summary>
    public int Groups { get; init; }

    /// <summary>Members of groups among this node's subscriptions.</summary>
    public int LocalMembers { get; init; }

    /// <summary>Members of groups at peers.</summary>
    public int PeerMembers { get; init; }

    /// <summary>Events given to another member because the first one had left.</summary>
    public long RedirectedEvents { get; init; }

    /// <summary>Events that came for a member that had left, of a group without others.</summary>
    public long NoMemberEvents { get; init; }

    /// <summary>Topics whose last events are kept for subscribers that come back.</summary>
    public int RecoveryTopics { get; init; }

    /// <summary>Bytes that these take.</summary>
    public long RecoveryBytes { get; init; }

    /// <summary>Topics whose last events were given up for those of others.</summary>
    public long RecoveryEvictions { get; init; }

    /// <summary>Events replayed to subscribers that came back.</summary>
    public long ReplayedEvents { get; init; }
}
