using Microsoft.Extensions.Logging;
using NexusD.Peering;

namespace NexusD.Daemon.Logging;

/// <summary>Logs what happens to links.</summary>
internal sealed class MeshLog(ILogger log) : IMeshLog
{
    public void LinkUp(string node, string address, string engine, bool dialed) =>
        DaemonLog.LinkUp(log, node, address, engine, dialed ? "dialed" : "accepted");

    public void LinkSuspect(string node, string address, TimeSpan silence) =>
        DaemonLog.LinkSuspect(log, node, address, (long)silence.TotalMilliseconds);

    public void LinkDown(string node, string address, string reason) =>
        DaemonLog.LinkDown(log, node, address, reason);

    public void PeerLeft(string node, string address) => DaemonLog.PeerLeft(log, node, address);

    public void EventsGivenUp(string node, long events) => DaemonLog.EventsGivenUp(log, node, events);

    public void DialFailed(string address, string reason, long failures) =>
        DaemonLog.DialFailed(log, address, reason, failures);

    public void PeerRefused(string address, string code, string reason) =>
        DaemonLog.PeerRefused(log, address, code, reason);

    public void Warning(string node, string what) => DaemonLog.MeshWarning(log, node, what);
}
