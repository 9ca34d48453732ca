using NexusD.Protocol;
using NexusD.Routing.Publishers;
using NexusD.Routing.Retained;

namespace NexusD.Routing;

/// <summary>The way of a run through the router.</summary>
public sealed partial class Router
{
    // Stands for "some publisher" where a gap notice names none; not in the table, so it is never given up.
    private readonly PublisherRecord _anyPublisher = new(0);

    private long _publishedEvents;
    private long _receivedEvents;
    private long _duplicateEvents;
    private long _deliveredLocal;
    private long _deliveredPeer;
    private long _unroutedEvents;

    // Delivered by repair, in case the link that they were published over still brings them.
    private readonly RepairedEvents _repaired = new(65_536);

    // Delivered or told as lost without being in the store, in case repair still brings them.
    private readonly RepairedEvents _settled = new(8_192);

    // How seldom the router is told the time.
    private const long SecondMs = 1_000;

    private ulong _now;
    private long _startedMs = long.MaxValue;
    private long _revivedRetained;
    private bool _isHandingOver;

    /// <summary>
    /// Takes a run from a publisher of this node: to local subscriptions and to the peers that are interested.
    /// </summary>
    /// <remarks>
    /// With retain the last event also goes to the retained store if it is the newest, and the run to every peer. The
    /// caller has numbered the run and stamped it, which also tells the router what time it is.
    /// </remarks>
    public PublishOutcome Publish(in EventRun run)
    {
        Topic topic = run.Topic;
        if (_versions.Holds(topic))
        {
            topic.WasUsed = true;
            return topic.Groups is null
                ? Dispatch(run, new RouteView(topic.Entries, topic.LocalCount, topic.EntryCount))
                : DispatchToGroups(run, new RouteView(topic));
        }

        topic = Living(topic);
        EventRun living = run with { Topic = topic };
        RouteView route = Resolve(topic);
        return route.Groups is null ? Dispatch(living, route) : DispatchToGroups(living, route);
    }

    /// <summary>Takes a run from a peer: to local subscriptions only, without what had come before.</summary>
    /// <returns>How many subscriptions it was handed to.</returns>
    public int PublishFromPeer(in EventRun run)
    {
        PublisherRecord record = Publishers.GetOrAdd(run.Publisher);
        int duplicates = record.Duplicates(run.Number, run.Count, run.Priority);
        _duplicateEvents += duplicates;
        if (duplicates == run.Count)
        {
            return 0;
        }

        record.Advance(run.Number, run.Count, run.Priority);
        if (WasRepaired(run))
        {
            int left = run.Count - 1 - duplicates;
            return left == 0 ? 0 : DeliverFromPeer(run.Skip(duplicates).Take(left), record);
        }

        return duplicates == 0 ? DeliverFromPeer(run, record) : DeliverFromPeer(run.Skip(duplicates), record);
    }

    /// <summary>
    /// Whether repair has brought the last event of a run: only that one is ever in a store. It does not come again.
    /// </summary>
    private bool WasRepaired(in EventRun run)
    {
        bool was = (run.Flags & RunFlags.Retain) != 0 && !_repaired.IsEmpty
            && _repaired.TryTake(run.Publisher, run.LastNumber);
        _duplicateEvents += was ? 1 : 0;
        return was;
    }

    /// <summary>
    /// Takes a run from a peer that nobody is to get, because its time to live is over: local subscriptions that it
    /// matches are told.
    /// </summary>
    public void DropFromPeer(in EventRun run, DropReason reason)
    {
        PublisherRecord record = Publishers.GetOrAdd(run.Publisher);
        int duplicates = record.Duplicates(run.Number, run.Count, run.Priority);
        _duplicateEvents += duplicates;
        if (duplicates == run.Count)
        {
            return;
        }

        record.Advance(run.Number, run.Count, run.Priority);
        EventRun left = run.Skip(duplicates);
        if ((run.Flags & RunFlags.Retain) != 0)
        {
            Retained.Apply(run, _now, isExpired: reason == DropReason.Expired);
            if (WasRepaired(run))
            {
                if (left.Count == 1)
                {
                    return;
                }

                left = left.Take(left.Count - 1);
            }
        }

        _receivedEvents += left.Count;
        Topic topic = Living(run.Topic);
        RouteView route = Resolve(topic);
        _isHandingOver = true;
        for (int i = 0; i < route.Local; i++)
        {
            route.Entries[i].Target.DeliverLoss(left, reason, _options.NodeName);
        }

        _isHandingOver = false;
        Mark(record, topic, route);
        _unroutedEvents += route.Local == 0 ? left.Count : 0;
    }

    /// <summary>
    /// Takes a retained event or tombstone that a peer sent to repair the store (RETAINED frame). If it is newer than
    /// what is here it is kept and delivered to local subscriptions: as one that came late to those that were open when
    /// it was published, as state to the others. It is never forwarded.
    /// </summary>
    /// <param name="run">The event; borrowed for the call.</param>
    /// <param name="nowHlc">A clock value of now.</param>
    /// <param name="isExpired">The peer says that its time to live is over.</param>
    /// <returns>What became of it; delivered only when kept.</returns>
    public RetainedOutcome RepairRetained(in EventRun run, ulong nowHlc, bool isExpired = false)
    {
        int count = Retained.Count;
        RetainedOutcome outcome = Retained.Apply(run, nowHlc, isExpired);
        if (outcome != RetainedOutcome.Kept)
        {
            return outcome;
        }

        if (_settled.TryTake(run.Publisher, run.LastNumber))
        {
            _duplicateEvents += run.Count;
            return outcome;
        }

        _repaired.Add(run.Publisher, run.LastNumber);

        // The topic is new here though it was written long ago and this node was there: perhaps it was deleted and the
        // peer was cut off for longer than deletions are remembered.
        long writtenMs = HybridClock.UnixMs(run.Timestamp);
        bool isOld = writtenMs > _startedMs && HybridClock.UnixMs(nowHlc) - writtenMs > RetainedStore.TombstoneMs;
        _revivedRetained += isOld && Retained.Count > count ? 1 : 0;

        // No look at the publisher's numbers: later ones may have come on other topics before this one was repaired.
        EventRun live = run with { Flags = RunFlags.Retain };
        _receivedEvents += run.Count;
        int local = DeliverRepaired(live, Publishers.GetOrAdd(run.Publisher));
        _unroutedEvents += local == 0 ? run.Count : 0;
        return outcome;
    }

    /// <summary>
    /// Tells the router what time it is and removes retained events that are over; call it about once a second.
    /// </summary>
    public void AdvanceTime(ulong nowHlc)
    {
        _now = Math.Max(_now, nowHlc);
        _startedMs = Math.Min(_startedMs, HybridClock.UnixMs(nowHlc));
        Retained.LatestTimestamp = HybridClock.FromUnixMs(
            HybridClock.UnixMs(nowHlc) + HybridClock.MaxAheadMs + SecondMs);
        Retained.Expire(nowHlc);
    }

    /// <summary>What was done and what is held; may be read from any thread.</summary>
    public RouterStatistics GetStatistics() => new(
        Volatile.Read(ref _publishedEvents),
        Volatile.Read(ref _receivedEvents),
        Volatile.Read(ref _duplicateEvents),
        Volatile.Read(ref _deliveredLocal),
        Volatile.Read(ref _deliveredPeer),
        Volatile.Read(ref _unroutedEvents),
        Volatile.Read(ref _resolvedRoutes),
        Volatile.Read(ref _uncachedRoutes),
        Volatile.Read(ref _cachedEntries),
        _topics.Count,
        _topics.Evictions,
        _subscriptions.Filters,
        _subscriptions.Entries,
        _interests.Filters,
        _interests.Entries,
        _links.Count,
        Publishers.Count,
        Retained.Count - Retained.Tombstones,
        Retained.Tombstones,
        Retained.Bytes,
        Retained.RefusedEvents,
        Retained.RefusedAheadEvents,
        Volatile.Read(ref _revivedRetained),
        Retained.Digest)
    {
        Groups = _groups.Count,
        LocalMembers = _groups.Local.Count,
        PeerMembers = _groups.Members - _groups.Local.Count,
        RedirectedEvents = Volatile.Read(ref _redirectedEvents),
        NoMemberEvents = Volatile.Read(ref _noMemberEvents),
        RecoveryTopics = Recovery?.Topics ?? 0,
        RecoveryBytes = Recovery?.Bytes ?? 0,
        RecoveryEvictions = Recovery?.Evictions ?? 0,
        ReplayedEvents = Recovery?.ReplayedEvents ?? 0,
    };

    private PublishOutcome Dispatch(in EventRun run, RouteView route)
    {
        HandOver(run, route.Entries, route.Total);
        Recovery?.Add(run);
        int peers = route.Total - route.Local;
        if ((run.Flags & RunFlags.Retain) != 0)
        {
            _now = Math.Max(_now, run.Timestamp);
            Retain(run);
            peers += DeliverToOtherPeers(run, route);
        }

        return Count(run, route.Local, peers);
    }

    private PublishOutcome Count(in EventRun run, int local, int peers)
    {
        _publishedEvents += run.Count;
        _deliveredLocal += (long)run.Count * local;
        _deliveredPeer += (long)run.Count * peers;
        _unroutedEvents += (local | peers) == 0 ? run.Count : 0;
        return new PublishOutcome(local, peers);
    }

    private void HandOver(in EventRun run, RouteEntry[] entries, int count)
    {
        // A target that leaves while it is served changes no route that somebody is in; see GrantSweep.
        _isHandingOver = true;
        for (int i = 0; i < count; i++)
        {
            entries[i].Target.Deliver(run, ref entries[i]);
        }

        _isHandingOver = false;
    }

    /// <summary>
    /// The retained store is kept on every node, so retain goes to the links that the route does not name, too.
    /// </summary>
    private int DeliverToOtherPeers(in EventRun run, RouteView route)
    {
        ulong served = ++_stamp;
        for (int i = route.Local; i < route.Total; i++)
        {
            route.Entries[i].Target.Stamp = served;
        }

        return DeliverToUnstampedPeers(run, served);
    }

    private int DeliverToUnstampedPeers(in EventRun run, ulong served)
    {
        int others = 0;
        _isHandingOver = true;
        for (int i = _links.Count - 1; i >= 0; i--)
        {
            DeliveryTarget link = _links[i];
            if (link.Stamp != served)
            {
                RouteEntry entry = RouteEntry.ForOneCall(link);
                link.Deliver(run, ref entry);
                others++;
            }
        }

        _isHandingOver = false;
        return others;
    }

    private int DeliverFromPeer(in EventRun run, PublisherRecord record)
    {
        _receivedEvents += run.Count;
        int local = DeliverLocally(run, record);
        _unroutedEvents += local == 0 ? run.Count : 0;
        return local;
    }

    private int DeliverRepaired(in EventRun run, PublisherRecord record)
    {
        Topic topic = Living(run.Topic);
        EventRun living = run with { Topic = topic };
        RouteView route = Resolve(topic);
        int wanted = 0;
        _isHandingOver = true;
        for (int i = 0; i < route.Local; i++)
        {
            wanted += route.Entries[i].Target.DeliverRepaired(living, ref route.Entries[i]) ? 1 : 0;
        }

        _isHandingOver = false;
        Mark(record, topic, route);
        _deliveredLocal += (long)run.Count * wanted;
        return wanted;
    }

    private int DeliverLocally(in EventRun run, PublisherRecord record)
    {
        Topic topic = run.Topic;
        if (_versions.Holds(topic))
        {
            topic.WasUsed = true;
            return DeliverLocally(run, record, new RouteView(topic.Entries, topic.LocalCount, topic.EntryCount));
        }

        topic = Living(topic);
        EventRun living = run with { Topic = topic };
        return DeliverLocally(living, record, Resolve(topic));
    }

    private int DeliverLocally(in EventRun run, PublisherRecord record, RouteView route)
    {
        HandOver(run, route.Entries, route.Local);
        Mark(record, run.Topic, route);
        Recovery?.Add(run);
        if ((run.Flags & RunFlags.Retain) != 0)
        {
            Retain(run);
        }

        _deliveredLocal += (long)run.Count * route.Local;
        return route.Local;
    }

    /// <summary>Keeps the last event of a run that was delivered.</summary>
    private void Retain(in EventRun run)
    {
        if (Retained.Apply(run, _now) is RetainedOutcome.Refused or RetainedOutcome.TooFarAhead)
        {
            _settled.Add(run.Publisher, run.LastNumber);
        }
    }

    /// <summary>Takes note of who had events of a publisher, so that later gaps reach them.</summary>
    private void Mark(PublisherRecord record, Topic topic, RouteView route)
    {
        if (ReferenceEquals(record.MarkedTopic, topic) && record.MarkedVersion == topic.RouteVersion)
        {
            return;
        }

        for (int i = 0; i < route.Local; i++)
        {
            if (route.Entries[i].Target.Slot is >= 0 and int slot)
            {
                record.MarkDelivered(slot);
                _anyPublisher.MarkDelivered(slot);
            }
        }

        record.MarkedTopic = topic.RouteVersion == Topic.NoRoute ? null : topic;
        record.MarkedVersion = topic.RouteVersion;
    }
}
