using Microsoft.Extensions.Logging;
using NexusD.Daemon.Logging;
using NexusD.Routing;

namespace NexusD.Daemon;

/// <summary>Says in the log what a person should know of retained events, at most once a minute each.</summary>
internal sealed class RetainedWatch(ILogger log)
{
    private const int TicksPerReport = 60;

    private long _ahead;
    private long _refused;
    private long _revived;
    private int _ticks;

    /// <summary>Call it about once a second.</summary>
    public void Tick(Router router)
    {
        // The first of a kind is told at once, within a second.
        if (_ticks > 0 && ++_ticks < TicksPerReport)
        {
            return;
        }

        RouterStatistics now = router.GetStatistics();
        long ahead = now.AheadRetainedEvents - _ahead;
        long refused = now.RefusedRetainedEvents - _refused;
        long revived = now.RevivedRetainedEvents - _revived;
        (_ahead, _refused, _revived) =
            (now.AheadRetainedEvents, now.RefusedRetainedEvents, now.RevivedRetainedEvents);
        _ticks = ahead + refused + revived > 0 ? 1 : 0;
        if (ahead > 0)
        {
            DaemonLog.RetainedAhead(log, ahead, HybridClock.MaxAheadMs / 1000);
        }

        if (refused > 0)
        {
            DaemonLog.RetainedRefused(log, refused);
        }

        if (revived > 0)
        {
            DaemonLog.RetainedRevived(log, revived);
        }
    }
}
