using NexusD.Protocol;
using NexusD.Protocol.Topics;
using NexusD.Routing.Recovery;

namespace NexusD.Routing;

/// <content>Replays to subscribers that come back what passed this node while they were away.</content>
public sealed partial class Router
{
    private bool _isReplaying;

    /// <summary>The last events of each topic; null: none are kept.</summary>
    public RecoveryRings? Recovery { get; }

    /// <summary>
    /// Delivers to a subscription that was just opened, and had events of these filters before, what it missed, flagged
    /// as replayed; what is gone is told as <see cref="DropReason.Missed"/>.
    /// </summary>
    /// <param name="target">The subscription.</param>
    /// <param name="filters">Its filters.</param>
    /// <param name="point">What it has had.</param>
    /// <param name="nowHlc">What time it is.</param>
    /// <returns>What to look for in its live events, or null.</returns>
    public ResumeWatch? Replay(
        DeliveryTarget target, IReadOnlyList<TopicFilter> filters, ResumePoint point, ulong nowHlc)
    {
        // Without rings nothing is replayed and all that passed is lost; how much that may be is told all the same.
        var plan = new ReplayPlan(point, Publishers);
        ulong lostUpTo = Recovery?.LostUpTo ?? ulong.MaxValue;
        if (Recovery is { } rings)
        {
            foreach (TopicFilter filter in filters)
            {
                Collect(rings, filter, plan, ref lostUpTo);
            }
        }

        plan.Complete(lostUpTo, _options.NodeName);
        foreach (GapNotice gap in plan.Gaps)
        {
            target.DeliverGap(gap);
        }

        _isReplaying = true; // what is replayed lies in the rings
        foreach (ReplayRun replay in plan.Runs)
        {
            Replay(target, replay, nowHlc);
        }

        _isReplaying = false;

        return plan.Watched.Count == 0 ? null : new ResumeWatch(plan.Watched, _options.NodeName, nowHlc);
    }

    private void Collect(RecoveryRings rings, TopicFilter filter, ReplayPlan plan, ref ulong lostUpTo)
    {
        if (!filter.HasWildcard)
        {
            if (_topics.TryGet(filter.Canonical, out Topic? topic) && topic.Ring is { } only)
            {
                lostUpTo = Math.Max(lostUpTo, only.LostUpTo);
                plan.Add(only);
            }

            return;
        }

        foreach (RecoveryRing ring in rings.All)
        {
            if (filter.Matches(ring.Topic.Utf8))
            {
                lostUpTo = Math.Max(lostUpTo, ring.LostUpTo);
                plan.Add(ring);
            }
        }
    }

    private void Replay(DeliveryTarget target, in ReplayRun replay, ulong nowHlc)
    {
        EventRun run = replay.Run.AsRun().Skip(replay.Skip);
        if (replay.Run.IsExpired(nowHlc))
        {
            target.DeliverLoss(run, DropReason.Expired, _options.NodeName);
            return;
        }

        run = run with { Flags = run.Flags | RunFlags.Replayed, Shared = null };
        RouteEntry entry = RouteEntry.ForOneCall(target);
        target.Deliver(run, ref entry);
        Recovery!.ReplayedEvents += run.Count;
        _deliveredLocal += run.Count;
    }
}
