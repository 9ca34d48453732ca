using Microsoft.Extensions.Logging;
using NexusD.Discovery;

namespace NexusD.Daemon.Logging;

/// <summary>Logs what discovery has to tell.</summary>
internal sealed class DiscoveryLog(ILogger log, string group) : IDiscoveryLog
{
    public void InterfaceJoined(string name, string address) => DaemonLog.InterfaceJoined(log, group, name, address);

    public void InterfaceLeft(string name) => DaemonLog.InterfaceLeft(log, name);

    public void Trouble(string what) => DaemonLog.DiscoveryTrouble(log, what);
}
