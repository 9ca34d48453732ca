using NexusD.Protocol;
using NexusD.Routing;
using NexusD.Routing.Queues;
using NexusD.Routing.Recovery;
using NexusD.Routing.Retained;

namespace NexusD.Sessions;

/// <content>
/// State: what the store had when the subscription was opened, and what repair brings into it later although it is
/// older than the subscription.
/// </content>
internal sealed partial class Subscription
{
    private RetainedCursor? _retained;
    private ResumePoint? _had;
    private ulong _openedHlc;
    private bool _wantsState;

    /// <summary>Says what is state to it; before it stands under its filters.</summary>
    /// <param name="nowHlc">What time it is: what was stamped until now is no news to it.</param>
    /// <param name="wantsState">Whether it wants retained events.</param>
    /// <param name="had">What its client had on earlier connections; null: nothing.</param>
    public void Begin(ulong nowHlc, bool wantsState, ResumePoint? had)
    {
        _openedHlc = nowHlc;
        _wantsState = wantsState;
        _had = wantsState && had is not null && _table.TryKeep(had) ? had : null;
    }

    /// <summary>The retained events that are still to be sent, none of them twice.</summary>
    public void StartRetained(ReadOnlySpan<RetainedEvent> events)
    {
        _retained = new RetainedCursor(events);
        _session?.Line(this);
    }

    /// <inheritdoc/>
    /// <remarks>
    /// What was published while the subscription was open is live, however late it comes. What is older is the state
    /// that it would have got when it was opened, had the store had it then.
    /// </remarks>
    public override bool DeliverRepaired(in EventRun run, ref RouteEntry entry)
    {
        if (run.Timestamp > _openedHlc)
        {
            Deliver(run, ref entry);
            return true;
        }

        if (!_wantsState || (_had is { } had && had.HasState(run.Publisher, run.Priority, run.Number, run.Timestamp)))
        {
            return false;
        }

        Deliver(run with { Flags = run.Flags | RunFlags.Retained }, ref entry);
        return true;
    }

    private void ForgetHad()
    {
        if (_had is { } had)
        {
            _table.Forget(had);
            _had = null;
        }
    }

    private bool SendRetained(RetainedCursor cursor, ulong nowHlc)
    {
        bool sent = false;
        for (int left = TurnBytes; _credit > 0 && left > 0;)
        {
            if (!cursor.TryNext(out RetainedEvent? retained))
            {
                _retained = null;
                break;
            }

            EventRun run = retained.AsRun();
            if (run.TimeToLiveMs != 0 && HybridClock.IsExpired(run.Timestamp, run.TimeToLiveMs, nowHlc))
            {
                continue; // not a state any more; it was never on its way
            }

            Matched++;
            _table.Statistics.MatchedCount++;
            sent = true;
            if (_session!.ExceedsFrameLimit(run))
            {
                SubscriptionQueue queue = Queue();
                queue.Refuse(run, DropReason.TooLarge);
                CountDrops(queue);
                SendGaps(queue);
                continue;
            }

            int frameBytes = _session.WriteRetained(this, run);
            _table.Statistics.RetainedSentCount++;
            _queue?.NoteSent(run, frameBytes);
            CountDelivered(1, frameBytes);
            left -= frameBytes;
        }

        return sent;
    }
}
