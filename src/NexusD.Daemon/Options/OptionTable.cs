using System.Net;
using NexusD.Protocol;
using NexusD.Protocol.Topics;
using NexusD.Sessions;

namespace NexusD.Daemon.Options;

/// <summary>
/// Every option of <c>nexusd</c>, once. Flags, <c>NEXUSD_*</c> variables, the configuration file, help and the checks
/// all
/// read this table; docs/CONFIGURATION.md is tested against it.
/// </summary>
internal static class OptionTable
{
    private const long Kibi = 1L << 10;
    private const long Mebi = 1L << 20;
    private const long Gibi = 1L << 30;

    private const string PortText = "a port from 1 to 65535, or 0 for any free one";
    private const string PortOrOffText = "a port from 1 to 65535, 0 for any free one, or off";

    private static readonly string[] _levels = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
    private static readonly string[] _policies = [.. OverflowPolicyNames.All];
    private static readonly string[] _mechanisms = ["multicast", "static", "dns", "k8s"];

    public static readonly Option<string> Cluster = new()
    {
        Name = "cluster", Aliases = ["cluster-id"], Group = OptionGroup.Node, Placeholder = "NAME", Default = "default",
        Help = "Cluster this node belongs to; nodes of different clusters never link",
        Valid = "a text of 1 to 64 bytes without control characters", Reader = OptionReaders.Text(1, 64),
    };

    public static readonly Option<string> NodeName = new()
    {
        Name = "node-name", Aliases = ["node-id"], Group = OptionGroup.Node, Placeholder = "NAME", Default = "",
        Help = "Name shown to people; the host's name if not given",
        Valid = "a text of 1 to 64 bytes without control characters", Reader = OptionReaders.Text(1, 64),
    };

    public static readonly Option<TimeSpan> ShutdownGrace = new()
    {
        Name = "shutdown-grace", Aliases = ["drain-timeout"], Group = OptionGroup.Node, Placeholder = "TIME",
        Default = "10s", IsDuration = true,
        Help = "How long leaving may take after SIGTERM; links are flushed in that time",
        Valid = "a time from 0s to 1h such as 500ms, 10s or 2m",
        Reader = OptionReaders.Duration(TimeSpan.Zero, TimeSpan.FromHours(1)),
    };

    public static readonly Option<TimeSpan> JoinTimeout = new()
    {
        Name = "join-timeout", Group = OptionGroup.Node, Placeholder = "TIME", Default = "1s", IsDuration = true,
        Help = "How long events of apps wait after the start until other nodes have said what they want; 0: not at all",
        Valid = "a time from 0s to 10s such as 500ms or 2s",
        Reader = OptionReaders.Duration(TimeSpan.Zero, TimeSpan.FromSeconds(10)),
    };

    public static readonly Option<string> AppSocket = new()
    {
        Name = "app-socket", Group = OptionGroup.Apps, Placeholder = "PATH", Default = "auto",
        Help = "Unix socket for apps; auto: /run/nexusd/nexusd.sock, else $XDG_RUNTIME_DIR/nexusd.sock, else none",
        Valid = "a path, auto or off", Reader = OptionReaders.Path,
    };

    public static readonly Option<ListenPort> AppPort = new()
    {
        Name = "app-port", Aliases = ["sidecar-port"], Group = OptionGroup.Apps, Placeholder = "PORT", Default = "5672",
        Help = "TCP port for apps", Valid = PortOrOffText, Choices = ["off"],
        Reader = OptionReaders.Port(mayBeOff: true),
    };

    public static readonly Option<IReadOnlyList<IPAddress>> AppBind = new()
    {
        Name = "app-bind", Group = OptionGroup.Apps, Placeholder = "ADDRESS,...", Default = "127.0.0.1,::1",
        Help = "Addresses where the TCP port for apps is open; loopback only", IsList = true,
        Valid = "a comma list of loopback addresses", Choices = ["localhost"],
        Reader = OptionReaders.List<IPAddress>(OptionReaders.AppAddress),
    };

    public static readonly Option<ListenPort> MeshPort = new()
    {
        Name = "mesh-port", Group = OptionGroup.Mesh, Placeholder = "PORT", Default = "5671",
        Help = "UDP port where other nodes link up (QUIC)", Valid = PortText,
        Reader = OptionReaders.Port(mayBeOff: false),
    };

    public static readonly Option<IPAddress> Bind = new()
    {
        Name = "bind", Aliases = ["bind-addr"], Group = OptionGroup.Mesh, Placeholder = "ADDRESS", Default = "any",
        Help = "Address that the mesh port is bound to", Valid = "an IP address or any", Choices = ["any"],
        Reader = OptionReaders.BindAddress,
    };

    public static readonly Option<string> Quic = new()
    {
        Name = "quic", Group = OptionGroup.Mesh, Placeholder = "ENGINE", Default = "ngtcp2",
        Help = "QUIC engine; both speak the same on the wire", Valid = "ngtcp2 or msquic",
        Choices = ["ngtcp2", "msquic"],
        Reader = OptionReaders.Choice(["ngtcp2", "msquic"]),
    };

    public static readonly Option<IReadOnlyList<string>> Discovery = new()
    {
        Name = "discovery", Group = OptionGroup.Discovery, Placeholder = "HOW,...", Default = "multicast",
        IsList = true, Help = "How other nodes are found; dns and k8s are known names but not built in yet",
        Valid = "a comma list of multicast, static, dns and k8s", Choices = _mechanisms,
        Reader = OptionReaders.List<string>(OptionReaders.Choice(_mechanisms)),
    };

    public static readonly Option<IReadOnlyList<HostAndPort>> Peers = new()
    {
        Name = "peers", Group = OptionGroup.Discovery, Placeholder = "HOST:PORT,...", Default = "", IsList = true,
        Help = "Nodes to link with always; adds static to the discovery",
        Valid = "a comma list of host:port, where :port is 5671 if left out; IPv6 as [::1]:5671",
        Reader = OptionReaders.List<HostAndPort>(OptionReaders.Peer),
    };

    public static readonly Option<string> KubernetesNamespace = new()
    {
        Name = "k8s-namespace", Group = OptionGroup.Discovery, Placeholder = "NAME", Default = "",
        Help = "Namespace whose pods k8s discovery looks at", Valid = "a text of 1 to 63 bytes",
        Reader = OptionReaders.Text(1, 63),
    };

    public static readonly Option<IPAddress> MulticastAddress = new()
    {
        Name = "mcast-addr", Aliases = ["discovery-address"], Group = OptionGroup.Discovery, Placeholder = "GROUP",
        Default = "239.255.42.1", Help = "Multicast group of the beacons",
        Valid = "an IPv4 multicast address, 224.0.0.0 to 239.255.255.255", Reader = OptionReaders.MulticastGroup,
    };

    public static readonly Option<int> MulticastPort = new()
    {
        Name = "mcast-port", Aliases = ["discovery-port"], Group = OptionGroup.Discovery, Placeholder = "PORT",
        Default = "5670", Help = "UDP port of the beacons", Valid = "a port from 1 to 65535",
        Reader = OptionReaders.Count(1, 65535),
    };

    public static readonly Option<IReadOnlyList<string>> MulticastInterface = new()
    {
        Name = "mcast-interface", Group = OptionGroup.Discovery, Placeholder = "NAME,...", Default = "", IsList = true,
        Help = "Interfaces of the beacons, by name or address; all that are up if not given",
        Valid = "a comma list of interface names or addresses such as eth0,lo",
        Reader = OptionReaders.List<string>(OptionReaders.Text(1, 64)),
    };

    public static readonly Option<string> TlsAuthorities = new()
    {
        Name = "tls-ca", Group = OptionGroup.Security, Placeholder = "FILE", Default = "",
        Help = "PEM file of the authorities that other nodes' certificates must come from",
        Valid = "the path of a PEM file", Reader = OptionReaders.Path,
    };

    public static readonly Option<string> TlsCertificate = new()
    {
        Name = "tls-cert", Group = OptionGroup.Security, Placeholder = "FILE", Default = "",
        Help = "PEM file of this node's certificate", Valid = "the path of a PEM file", Reader = OptionReaders.Path,
    };

    public static readonly Option<string> TlsKey = new()
    {
        Name = "tls-key", Group = OptionGroup.Security, Placeholder = "FILE", Default = "",
        Help = "PEM file of its private key", Valid = "the path of a PEM file", Reader = OptionReaders.Path,
    };

    public static readonly Option<ListenPort> HealthPort = new()
    {
        Name = "health-port", Group = OptionGroup.Http, Placeholder = "PORT", Default = "8080",
        Help = "TCP port of /healthz, /readyz and /livez; one in use is only a warning", Valid = PortOrOffText,
        Choices = ["off"], Reader = OptionReaders.Port(mayBeOff: true),
    };

    public static readonly Option<bool> MetricsEnabled = new()
    {
        Name = "metrics-enabled", Group = OptionGroup.Http, Placeholder = "", Default = "false", IsSwitch = true,
        Help = "Serve Prometheus metrics", Valid = "true or false", Choices = ["true", "false"],
        Reader = OptionReaders.Switch,
    };

    public static readonly Option<ListenPort> MetricsPort = new()
    {
        Name = "metrics-port", Group = OptionGroup.Http, Placeholder = "PORT", Default = "9090",
        Help = "TCP port of the metrics (and of the health paths too)", Valid = PortText,
        Reader = OptionReaders.Port(mayBeOff: false),
    };

    public static readonly Option<string> MetricsPath = new()
    {
        Name = "metrics-path", Group = OptionGroup.Http, Placeholder = "PATH", Default = "/metrics",
        Help = "Path of the metrics", Valid = "a path that starts with / and has letters, digits, / - . _ ~",
        Reader = OptionReaders.HttpPath,
    };

    public static readonly Option<IPAddress> HttpBind = new()
    {
        Name = "http-bind", Group = OptionGroup.Http, Placeholder = "ADDRESS", Default = "any",
        Help = "Address that the health and metrics ports are bound to", Valid = "an IP address or any",
        Choices = ["any"], Reader = OptionReaders.BindAddress,
    };

    public static readonly Option<string> LogLevel = new()
    {
        Name = "log-level", Group = OptionGroup.Logging, Placeholder = "LEVEL", Default = "INFO",
        Help = "Least level that is logged (to standard error)", Valid = "TRACE, DEBUG, INFO, WARN, ERROR or FATAL",
        Choices = _levels, Reader = OptionReaders.Choice(_levels),
    };

    public static readonly Option<string> LogFormat = new()
    {
        Name = "log-format", Group = OptionGroup.Logging, Placeholder = "FORMAT", Default = "text",
        Help = "Form of log lines and of the ready line", Valid = "text or json", Choices = ["text", "json"],
        Reader = OptionReaders.Choice(["text", "json"]),
    };

    public static readonly Option<long> MemoryBudget = new()
    {
        Name = "memory-budget", Group = OptionGroup.Limits, Placeholder = "SIZE", Default = "auto",
        Help = "Memory for everything that grows: queues, links, sessions, retained events, topics and filters; auto:"
            + " 7/8 of the control group's limit less 24 MiB, without one a quarter of the machine's memory",
        Valid = "auto, or a size from 8MiB to 1TiB such as 64M or 2GiB", Choices = ["auto"],
        Reader = OptionReaders.SizeOrAuto(MemoryPlan.LeastBudget, 1024 * Gibi),
    };

    public static readonly Option<long> MaxPayload = new()
    {
        Name = "max-payload", Group = OptionGroup.Limits, Placeholder = "SIZE", Default = "4MiB",
        Help = "Largest payload of an event", Valid = "a size from 1KiB to 64MiB such as 500K, 4MiB or 1048576",
        Reader = OptionReaders.Size(Kibi, 64 * Mebi),
    };

    public static readonly Option<int> MaxClients = new()
    {
        Name = "max-clients", Group = OptionGroup.Limits, Placeholder = "COUNT", Default = "10000",
        Help = "Sessions of apps at once", Valid = "a number from 1 to 1000000",
        Reader = OptionReaders.Count(1, 1_000_000),
    };

    public static readonly Option<int> MaxSubscriptions = new()
    {
        Name = "max-subscriptions", Group = OptionGroup.Limits, Placeholder = "COUNT", Default = "1000000",
        Help = "Subscriptions of one session at once", Valid = "a number from 1 to 10000000",
        Reader = OptionReaders.Count(1, 10_000_000),
    };

    public static readonly Option<int> SubscriberQueueLimit = new()
    {
        Name = "subscriber-queue-limit", Group = OptionGroup.Limits, Placeholder = "COUNT", Default = "65536",
        Help = "Events that wait for one subscription before the oldest is dropped (and told)",
        Valid = "a number from 1 to 16777216", Reader = OptionReaders.Count(1, 1 << 24),
    };

    public static readonly Option<long> SubscriberQueueBytes = new()
    {
        Name = "subscriber-queue-bytes", Group = OptionGroup.Limits, Placeholder = "SIZE", Default = "16MiB",
        Help = "Bytes that wait for one subscription before the oldest event is dropped (and told)",
        Valid = "a size from 64KiB to 16GiB such as 50M or 2GiB", Reader = OptionReaders.Size(64 * Kibi, 16 * Gibi),
    };

    public static readonly Option<string> Overflow = new()
    {
        Name = "overflow", Group = OptionGroup.Limits, Placeholder = "POLICY", Default = "drop-oldest",
        Help = "What a subscription's full queue does where the app does not say; conflate keeps the latest per topic",
        Valid = "drop-oldest, drop-newest, block or conflate", Choices = _policies,
        Reader = OptionReaders.Choice(_policies),
    };

    public static readonly Option<TimeSpan> BlockTimeout = new()
    {
        Name = "block-timeout", Group = OptionGroup.Limits, Placeholder = "TIME", Default = "1s", IsDuration = true,
        Help = "How long block holds a publisher up before its event is dropped (and told)",
        Valid = "a time from 0s to 10m such as 500ms, 10s or 2m",
        Reader = OptionReaders.Duration(TimeSpan.Zero, SessionOptions.MaxBlockTimeout),
    };

    public static readonly Option<TimeSpan> KeepLimit = new()
    {
        Name = "keep-limit", Group = OptionGroup.Limits, Placeholder = "TIME", Default = "5m", IsDuration = true,
        Help = "Longest time for which a subscription is kept without its connection, or paused; 0: none is",
        Valid = "a time from 0s to 168h such as 30s, 10m or 2h",
        Reader = OptionReaders.Duration(TimeSpan.Zero, SessionOptions.LargestKeepLimit),
    };

    public static readonly Option<int> KeptSubscriptions = new()
    {
        Name = "kept-subscriptions", Group = OptionGroup.Limits, Placeholder = "COUNT", Default = "1000",
        Help = "Subscriptions kept without a connection at once; the one that waits longest gives way",
        Valid = "a number from 0 to 1000000", Reader = OptionReaders.Count(0, 1_000_000),
    };

    public static readonly Option<long> KeptBytes = new()
    {
        Name = "kept-bytes", Group = OptionGroup.Limits, Placeholder = "SIZE", Default = "256MiB",
        Help = "Bytes that these hold together; the one that waits longest gives way",
        Valid = "a size from 64KiB to 64GiB such as 50M or 2GiB", Reader = OptionReaders.Size(64 * Kibi, 64 * Gibi),
    };

    public static readonly Option<long> LinkQueueBytes = new()
    {
        Name = "link-queue-bytes", Group = OptionGroup.Limits, Placeholder = "SIZE", Default = "64MiB",
        Help = "Bytes that wait for one other node before new events are dropped (and told)",
        Valid = "a size from 1MiB to 16GiB such as 50M or 2GiB", Reader = OptionReaders.Size(Mebi, 16 * Gibi),
    };

    public static readonly Option<TimeSpan> LinkHold = new()
    {
        Name = "link-hold", Group = OptionGroup.Limits, Placeholder = "TIME", Default = "60s", IsDuration = true,
        Help = "How long events wait for another node that cannot be reached before they are dropped (and told)",
        Valid = "a time from 0s to 24h such as 500ms, 10s or 2m",
        Reader = OptionReaders.Duration(TimeSpan.Zero, TimeSpan.FromHours(24)),
    };

    public static readonly Option<long> RetainedBytes = new()
    {
        Name = "retained-bytes", Group = OptionGroup.Limits, Placeholder = "SIZE", Default = "64MiB",
        Help = "Bytes of retained events kept on this node", Valid = "a size from 64KiB to 64GiB such as 50M or 2GiB",
        Reader = OptionReaders.Size(64 * Kibi, 64 * Gibi),
    };

    public static readonly Option<int> RetainedLimit = new()
    {
        Name = "retained-limit", Group = OptionGroup.Limits, Placeholder = "COUNT", Default = "100000",
        Help = "Retained events kept on this node", Valid = "a number from 1 to 16777216",
        Reader = OptionReaders.Count(1, 1 << 24),
    };

    public static readonly Option<int> RecoveryEvents = new()
    {
        Name = "recovery-events", Aliases = ["message-buffer-size"], Group = OptionGroup.Limits, Placeholder = "COUNT",
        Default = "0",
        Help = "Last events of each topic kept for subscribers that reconnect, 5 for instance; 0: none",
        Valid = "a number from 0 to 1024",
        Reader = OptionReaders.Count(0, 1024),
    };

    public static readonly Option<long> RecoveryBytes = new()
    {
        Name = "recovery-bytes", Aliases = ["max-buffer-memory"], Group = OptionGroup.Limits, Placeholder = "SIZE",
        Default = "16MiB", Help = "Memory of these events; topics used longest ago give way",
        Valid = "a size from 64KiB to 16GiB such as 16M or 1GiB",
        Reader = OptionReaders.Size(64 * Kibi, 16 * Gibi),
    };

    public static readonly Option<IReadOnlyList<TopicFilter>> RetainTopics = new()
    {
        Name = "retain-topics", Group = OptionGroup.Limits, Placeholder = "FILTERS", Default = "",
        Help = "Topics whose events that apps of this node publish are retained without being asked; the same on all"
            + " nodes",
        Valid = "a list of topic filters such as sensors/#,config/*",
        Reader = OptionReaders.List<TopicFilter>(OptionReaders.Filter),
    };

    public static readonly Option<TimeSpan> BatchDelay = new()
    {
        Name = "batch-delay", Group = OptionGroup.Limits, Placeholder = "TIME", Default = "auto", IsDuration = true,
        Help = "Least time between two rounds of work; auto: none, or some milliseconds under a quota below one CPU",
        Valid = "auto, or a time from 0s to 20ms", Choices = ["auto"],
        Reader = OptionReaders.DurationOrAuto(TimeSpan.Zero, TimeSpan.FromMilliseconds(20)),
    };

    public static readonly Option<string> Config = new()
    {
        Name = "config", Group = OptionGroup.Command, Placeholder = "FILE", Default = "",
        Help = "JSON file with options by the same names; flags and variables go before it",
        Valid = "the path of a JSON file", Reader = OptionReaders.Path,
    };

    public static readonly Option<bool> CheckConfig = new()
    {
        Name = "check-config", Group = OptionGroup.Command, Placeholder = "", Default = "false", IsSwitch = true,
        Help = "Show every option in force and where it comes from, then exit (0 valid, 2 not)",
        Valid = "true or false", Reader = OptionReaders.Switch,
    };

    public static readonly Option<bool> Version = new()
    {
        Name = "version", Group = OptionGroup.Command, Placeholder = "", Default = "false", IsSwitch = true,
        Help = "Show the version and exit", Valid = "true or false", Reader = OptionReaders.Switch,
    };

    public static readonly Option<bool> Help = new()
    {
        Name = "help", Aliases = ["h"], Group = OptionGroup.Command, Placeholder = "", Default = "false",
        IsSwitch = true, Help = "Show this text and exit", Valid = "true or false", Reader = OptionReaders.Switch,
    };

    /// <summary>All of them, in the order of help.</summary>
    public static IReadOnlyList<OptionDefinition> All { get; } =
    [
        Cluster, NodeName, ShutdownGrace, JoinTimeout,
        AppSocket, AppPort, AppBind,
        MeshPort, Bind, Quic,
        Discovery, Peers, KubernetesNamespace, MulticastAddress, MulticastPort, MulticastInterface,
        TlsAuthorities, TlsCertificate, TlsKey,
        HealthPort, MetricsEnabled, MetricsPort, MetricsPath, HttpBind,
        LogLevel, LogFormat,
        MemoryBudget, MaxPayload, MaxClients, MaxSubscriptions, SubscriberQueueLimit, SubscriberQueueBytes, Overflow,
        BlockTimeout, KeepLimit, KeptSubscriptions, KeptBytes, LinkQueueBytes, LinkHold, RetainedBytes, RetainedLimit,
        RetainTopics, RecoveryEvents, RecoveryBytes, BatchDelay,
        Config, CheckConfig, Version, Help,
    ];

    /// <summary>
    /// The option of that name or alias (without dashes, case does not count), with the unit of a bare number under
    /// that name.
    /// </summary>
    public static OptionDefinition? Find(string name, out string unit)
    {
        foreach (OptionDefinition option in All)
        {
            foreach ((string candidate, string itsUnit) in option.Names)
            {
                if (candidate.Equals(name, StringComparison.OrdinalIgnoreCase))
                {
                    unit = itsUnit;
                    return option;
                }
            }
        }

        unit = string.Empty;
        return null;
    }
}
