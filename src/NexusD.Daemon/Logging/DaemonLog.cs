using System.Net;
using Microsoft.Extensions.Logging;

namespace NexusD.Daemon.Logging;

/// <summary>Every event that the daemon logs. Numbers are never reused: people search and alert by them.</summary>
/// <remarks>1000 daemon, 1100 discovery, 1200 links, 1300 HTTP.</remarks>
internal static partial class DaemonLog
{
    [LoggerMessage(EventId = 1000, Level = LogLevel.Information,
        Message = "nexusd {Version} starts as node {Node} of cluster {Cluster}")]
    public static partial void Starting(ILogger log, string version, string node, string cluster);

    [LoggerMessage(EventId = 1001, Level = LogLevel.Warning, Message = "{Warning}")]
    public static partial void ConfigurationWarning(ILogger log, string warning);

    [LoggerMessage(EventId = 1002, Level = LogLevel.Warning,
        Message = "links are encrypted but not authenticated: whoever reaches UDP port {MeshPort} and names cluster"
            + " {Cluster} can join; give --tls-ca, --tls-cert and --tls-key to change that")]
    public static partial void Insecure(ILogger log, int meshPort, string cluster);

    [LoggerMessage(EventId = 1003, Level = LogLevel.Critical, Message = "{Problem}")]
    public static partial void CannotStart(ILogger log, string problem);

    [LoggerMessage(EventId = 1004, Level = LogLevel.Warning, Message = "no Unix socket for apps: {Reason}")]
    public static partial void NoAppSocket(ILogger log, string reason);

    [LoggerMessage(EventId = 1005, Level = LogLevel.Information,
        Message = "{Signal}: leaving; a second signal ends at once")]
    public static partial void Leaving(ILogger log, string signal);

    [LoggerMessage(EventId = 1006, Level = LogLevel.Information, Message = "left after {Milliseconds} ms")]
    public static partial void Left(ILogger log, long milliseconds);

    [LoggerMessage(EventId = 1007, Level = LogLevel.Warning,
        Message = "the grace time of {GraceSeconds} s ended before everything was sent")]
    public static partial void GraceEnded(ILogger log, double graceSeconds);

    [LoggerMessage(EventId = 1008, Level = LogLevel.Error,
        Message = "a bug, please report it; the daemon goes on")]
    public static partial void LoopFault(ILogger log, Exception exception);

    [LoggerMessage(EventId = 1009, Level = LogLevel.Information, Message = "{Address} is not served to apps: {Reason}")]
    public static partial void AppAddressSkipped(ILogger log, IPAddress address, string reason);

    [LoggerMessage(EventId = 1010, Level = LogLevel.Information,
        Message = "certificate {Subject} is in use for new links; it is valid until {Until}")]
    public static partial void CertificatesReloaded(ILogger log, string subject, string until);

    [LoggerMessage(EventId = 1011, Level = LogLevel.Error, Message = "the certificate in use is kept: {Reason}")]
    public static partial void CertificatesNotReloaded(ILogger log, string reason);

    [LoggerMessage(EventId = 1012, Level = LogLevel.Critical, Message = "a bug, please report it; the daemon ends")]
    public static partial void Crashed(ILogger log, Exception exception);

    [LoggerMessage(EventId = 1013, Level = LogLevel.Information,
        Message = "joined after {Milliseconds} ms with {Links} links; events of apps are taken")]
    public static partial void Joined(ILogger log, int links, long milliseconds);

    [LoggerMessage(EventId = 1014, Level = LogLevel.Warning,
        Message = "not all known nodes have answered after {Milliseconds} ms ({Links} have): what apps publish before"
            + " the others are linked does not reach them; nexusctl peers shows them, --join-timeout waits longer")]
    public static partial void JoinedWithout(ILogger log, int links, long milliseconds);

    [LoggerMessage(EventId = 1100, Level = LogLevel.Information,
        Message = "beacons to {Group} on interface {Name} ({Address})")]
    public static partial void InterfaceJoined(ILogger log, string group, string name, string address);

    [LoggerMessage(EventId = 1101, Level = LogLevel.Information, Message = "no more beacons on interface {Name}")]
    public static partial void InterfaceLeft(ILogger log, string name);

    [LoggerMessage(EventId = 1102, Level = LogLevel.Warning, Message = "{Trouble}")]
    public static partial void DiscoveryTrouble(ILogger log, string trouble);

    [LoggerMessage(EventId = 1103, Level = LogLevel.Debug, Message = "{Source} found a node at {Host}, port {Port}")]
    public static partial void PeerFound(ILogger log, string source, string host, int port);

    [LoggerMessage(EventId = 1104, Level = LogLevel.Debug,
        Message = "{Source} lost sight of the node at {Host}, port {Port}")]
    public static partial void PeerLost(ILogger log, string source, string host, int port);

    [LoggerMessage(EventId = 1105, Level = LogLevel.Warning,
        Message = "{Mechanism} discovery is not built into this version yet; in use: {InUse}."
            + " Name peers with --peers=host:port,... until then")]
    public static partial void DiscoveryNotBuiltIn(ILogger log, string mechanism, string inUse);

    [LoggerMessage(EventId = 1106, Level = LogLevel.Warning,
        Message = "the address {Address} of a node is not used: too many are known, or it is none")]
    public static partial void PeerNotTaken(ILogger log, string address);

    [LoggerMessage(EventId = 1200, Level = LogLevel.Information,
        Message = "link up with {Node} at {Address} ({Engine}, {Direction})")]
    public static partial void LinkUp(ILogger log, string node, string address, string engine, string direction);

    [LoggerMessage(EventId = 1201, Level = LogLevel.Warning,
        Message = "nothing heard of {Node} at {Address} for {SilenceMs} ms")]
    public static partial void LinkSuspect(ILogger log, string node, string address, long silenceMs);

    [LoggerMessage(EventId = 1202, Level = LogLevel.Warning,
        Message = "link down with {Node} at {Address}: {Reason}")]
    public static partial void LinkDown(ILogger log, string node, string address, string reason);

    [LoggerMessage(EventId = 1206, Level = LogLevel.Information, Message = "peer left: {Node} at {Address}")]
    public static partial void PeerLeft(ILogger log, string node, string address);

    [LoggerMessage(EventId = 1207, Level = LogLevel.Warning,
        Message = "gave up {Events} events that {Node} has not acknowledged")]
    public static partial void EventsGivenUp(ILogger log, string node, long events);

    [LoggerMessage(EventId = 1203, Level = LogLevel.Information,
        Message = "cannot reach {Address}: {Reason} (try {Failures})")]
    public static partial void DialFailed(ILogger log, string address, string reason, long failures);

    [LoggerMessage(EventId = 1204, Level = LogLevel.Warning,
        Message = "no link with {Address}: {Code}, {Reason}")]
    public static partial void PeerRefused(ILogger log, string address, string code, string reason);

    [LoggerMessage(EventId = 1205, Level = LogLevel.Warning, Message = "{Node}: {What}")]
    public static partial void MeshWarning(ILogger log, string node, string what);

    [LoggerMessage(EventId = 1210, Level = LogLevel.Warning,
        Message = "{Events} retained events were delivered but not kept: their nodes' clocks are more than {Seconds} s"
            + " ahead of this one's. Set the clocks of all nodes (NTP); they are kept once this clock has come there")]
    public static partial void RetainedAhead(ILogger log, long events, long seconds);

    [LoggerMessage(EventId = 1211, Level = LogLevel.Warning,
        Message = "{Events} retained events found no room and are not kept on this node. Raise --retained-limit or"
            + " --retained-bytes, or delete topics ('nexusctl retained --delete TOPIC')")]
    public static partial void RetainedRefused(ILogger log, long events);

    [LoggerMessage(EventId = 1212, Level = LogLevel.Warning,
        Message = "{Events} retained events of more than an hour came back from a node that was cut off. If they had"
            + " been deleted here, delete them again ('nexusctl retained' lists them)")]
    public static partial void RetainedRevived(ILogger log, long events);

    [LoggerMessage(EventId = 1220, Level = LogLevel.Warning,
        Message = "the memory budget of {Budget} MiB is nearly used up: queues are cut to {Ceiling} KiB each and what"
            + " is above is dropped (reason memory). 'nexusctl status' shows who holds most; raise --memory-budget or"
            + " look after subscribers that do not keep up")]
    public static partial void MemoryTight(ILogger log, long budget, long ceiling);

    [LoggerMessage(EventId = 1300, Level = LogLevel.Warning,
        Message = "health port {Port} is not served: {Reason}. Probes of this port reach somebody else; choose another"
            + " with --health-port, or use the metrics port")]
    public static partial void HealthPortConflict(ILogger log, int port, string reason);

    [LoggerMessage(EventId = 1301, Level = LogLevel.Error, Message = "an HTTP request failed")]
    public static partial void HttpFault(ILogger log, Exception exception);
}
