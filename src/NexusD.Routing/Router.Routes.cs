using System.Runtime.CompilerServices;
using NexusD.Routing.Groups;
using NexusD.Routing.Trie;

namespace NexusD.Routing;

/// <summary>Finds the targets of a topic and remembers them.</summary>
public sealed partial class Router
{
    // Entries whose scan one leaving target pays for, and the most that may be owed.
    private const int SweepPerTarget = 64;
    private const int SweepLimit = 1 << 22;

    private readonly MatchList _matches = new();
    private RouteEntry[] _scratch = new RouteEntry[16];
    private ulong _stamp;
    private long _cachedEntries;
    private long _resolvedRoutes;
    private long _uncachedRoutes;
    private int _routeHand;
    private int _sweepHand;
    private int _sweepCredit;

    /// <summary>The object that bears the topic's name in the table now; the topic itself if it can be.</summary>
    private Topic Living(Topic topic)
    {
        topic.WasUsed = true;
        if (topic.RingIndex >= 0)
        {
            return topic;
        }

        if (_topics.TryGet(topic.Utf8, out Topic? living))
        {
            living.WasUsed = true;
            return living;
        }

        Enter(topic);
        return topic;
    }

    private void Enter(Topic topic)
    {
        if (_topics.Add(topic) is { } evicted)
        {
            DropRoute(evicted);
            Recovery?.Forget(evicted);
        }
    }

    [SkipLocalsInit]
    private RouteView Resolve(Topic topic)
    {
        long version = _versions.Of(topic);
        if (topic.RouteVersion == version)
        {
            return new RouteView(topic);
        }

        Span<LevelPart> parts = stackalloc LevelPart[LevelPart.MaxLevels];
        parts = parts[..LevelPart.Split(topic.Utf8, parts)];
        _matches.Clear();
        _subscriptions.Match(topic.Utf8, parts, _matches);
        int localMatches = _matches.Count;
        _interests.Match(topic.Utf8, parts, _matches);
        foreach (DeliveryTarget link in _wantEverything)
        {
            _matches.Add(link);
        }

        int local = 0;
        int total = 0;
        ulong former = StampFormer(topic);
        ulong seen = ++_stamp;
        EnsureScratch(_matches.Count);
        for (int i = 0; i < _matches.Count; i++)
        {
            local = i == localMatches ? total : local;
            DeliveryTarget target = _matches[i];
            if (target.Stamp != seen)
            {
                _scratch[total++] = target.Stamp == former
                    ? topic.Entries[target.FormerIndex]
                    : new RouteEntry { Target = target };
                target.Stamp = seen;
            }
        }

        local = _matches.Count == localMatches ? total : local;
        _matches.Clear();
        Volatile.Write(ref _resolvedRoutes, _resolvedRoutes + 1);
        RouteView route = Remember(topic, version, local, total);
        return _groups.Count == 0 && topic.Groups is null
            ? route
            : route with { Groups = ResolveGroups(topic, parts) };
    }

    /// <summary>
    /// Marks the targets of the former route, so that what they noted in their entries is carried over.
    /// </summary>
    private ulong StampFormer(Topic topic)
    {
        ulong former = ++_stamp;
        for (int i = 0; i < topic.EntryCount; i++)
        {
            topic.Entries[i].Target.Stamp = former;
            topic.Entries[i].Target.FormerIndex = i;
        }

        return former;
    }

    private void EnsureScratch(int count)
    {
        if (_scratch.Length < count)
        {
            _scratch = new RouteEntry[Math.Max(count, _scratch.Length * 2)];
        }
    }

    /// <summary>
    /// Moves the route from the scratch array into the topic; leaves it there when no room can be made.
    /// </summary>
    private RouteView Remember(Topic topic, long version, int local, int total)
    {
        Span<RouteEntry> route = _scratch.AsSpan(0, total);
        bool fits = total <= topic.Entries.Length && topic.Entries.Length <= (total * 4) + 4;
        if (!fits && !Reallocate(topic, total))
        {
            DropRoute(topic);
            Volatile.Write(ref _uncachedRoutes, _uncachedRoutes + 1);
            foreach (ref RouteEntry entry in route)
            {
                entry = RouteEntry.ForOneCall(entry.Target);
            }

            return new RouteView(_scratch, local, total);
        }

        route.CopyTo(topic.Entries);
        topic.Entries.AsSpan(total).Clear();
        route.Clear();
        topic.LocalCount = local;
        topic.EntryCount = total;
        topic.RouteVersion = version;
        return new RouteView(topic.Entries, local, total);
    }

    private bool Reallocate(Topic topic, int count)
    {
        // Room to grow where targets come one by one; most topics have one or two and get just that.
        int length = count <= 2 ? count : (int)Math.Min(count + (count / 4L), _options.MaxRouteEntries);
        DropRoute(topic);
        if (count > _options.MaxRouteEntries)
        {
            return false;
        }

        for (int steps = _topics.Count; _cachedEntries + length > _options.MaxRouteEntries && steps > 0; steps--)
        {
            _routeHand = _routeHand + 1 < _topics.Count ? _routeHand + 1 : 0;
            DropRoute(_topics[_routeHand]);
        }

        if (_cachedEntries + length > _options.MaxRouteEntries)
        {
            return false;
        }

        topic.Entries = length == 0 ? [] : new RouteEntry[length];
        Volatile.Write(ref _cachedEntries, _cachedEntries + length);
        return true;
    }

    private void DropRoute(Topic topic)
    {
        Volatile.Write(ref _cachedEntries, _cachedEntries - topic.Entries.Length);
        topic.Entries = [];
        topic.LocalCount = 0;
        topic.EntryCount = 0;
        SetGroups(topic, null);
        topic.RouteVersion = Topic.NoRoute;
        topic.HeldAt = Topic.NoRoute;
    }

    /// <summary>
    /// A target has gone. Routes of quiet topics may still name it and would keep it from being collected, so each that
    /// leaves pays for looking through some topics.
    /// </summary>
    private void GrantSweep()
    {
        _sweepCredit = Math.Min(SweepLimit, _sweepCredit + SweepPerTarget);
        for (int steps = _isHandingOver ? 0 : _topics.Count; steps > 0; steps--)
        {
            _sweepHand = _sweepHand + 1 < _topics.Count ? _sweepHand + 1 : 0;
            Topic topic = _topics[_sweepHand];
            int cost = Math.Min(SweepLimit, 4 + topic.EntryCount);
            if (cost > _sweepCredit)
            {
                _sweepHand--;
                return;
            }

            _sweepCredit -= cost;
            if ((topic.EntryCount > 0 || topic.Groups is not null)
                && topic.RouteVersion != _versions.Of(topic)
                && NamesGoneTarget(topic))
            {
                Resolve(topic);
            }
        }
    }

    private static bool NamesGoneTarget(Topic topic)
    {
        foreach (ref readonly RouteEntry entry in topic.Entries.AsSpan(0, topic.EntryCount))
        {
            if (entry.Target.Slot < 0)
            {
                return true;
            }
        }

        foreach (ref readonly GroupRoute route in topic.Groups.AsSpan())
        {
            if (route.Group.Count == 0 || route.Entry.Target is { Slot: < 0 })
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>A route for the duration of one call: local targets first, then links; and groups.</summary>
    private readonly record struct RouteView(RouteEntry[] Entries, int Local, int Total, GroupRoute[]? Groups = null)
    {
        public RouteView(Topic topic)
            : this(topic.Entries, topic.LocalCount, topic.EntryCount, topic.Groups)
        {
        }
    }
}
