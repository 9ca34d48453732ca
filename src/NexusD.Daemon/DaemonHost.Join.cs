using System.Diagnostics;
using NexusD.Daemon.Logging;
using NexusD.Daemon.Options;

namespace NexusD.Daemon;

/// <summary>
/// How the node joins: events of apps wait until the other nodes have said what they want, for a time at most. Nothing
/// else waits: the node is ready, and subscriptions take effect.
/// </summary>
internal sealed partial class DaemonHost
{
    /// <summary>
    /// Within this time whoever had a link with the process before has dialed again (see the mesh's quick retries), and
    /// nodes near by have answered by multicast.
    /// </summary>
    private static readonly TimeSpan _joinWindow = TimeSpan.FromMilliseconds(400);

    private void BeginJoining()
    {
        TimeSpan deadline = _options.Get(OptionTable.JoinTimeout);
        if (deadline == TimeSpan.Zero)
        {
            return;
        }

        var watch = Stopwatch.StartNew();
        Apps.HoldPublishes();
        _loop.Post(() => Mesh.Join(_joinWindow, deadline, isComplete =>
        {
            Apps.ReleasePublishes();
            if (isComplete)
            {
                DaemonLog.Joined(_log, Mesh.LinksUp, watch.ElapsedMilliseconds);
            }
            else
            {
                DaemonLog.JoinedWithout(_log, Mesh.LinksUp, watch.ElapsedMilliseconds);
            }
        }));
    }
}
