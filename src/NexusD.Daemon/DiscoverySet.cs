using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using NexusD.Daemon.Logging;
using NexusD.Daemon.Options;
using NexusD.Discovery;
using NexusD.Discovery.Multicast;

namespace NexusD.Daemon;

/// <summary>The ways in which this node looks for others.</summary>
internal sealed class DiscoverySet : IDisposable
{
    private readonly List<IPeerDiscovery> _mechanisms = [];
    private readonly MulticastDiscovery? _multicast;

    /// <summary>Makes those that the options name; those that this version does not have are only logged.</summary>
    public DiscoverySet(OptionSet options, BeaconIdentity self, ILogger log)
    {
        IReadOnlyList<string> named = OptionRules.DiscoveryOf(options);
        if (named.Contains("multicast"))
        {
            var where = new MulticastOptions(
                options.Get(OptionTable.MulticastAddress),
                options.Get(OptionTable.MulticastPort),
                InterfacesFor(options));
            var discoveryLog = new DiscoveryLog(log, $"{where.Group}:{where.Port}");
            _multicast = new MulticastDiscovery(self, where, discoveryLog, new Random(), TimeProvider.System);
            _mechanisms.Add(_multicast);
        }

        if (named.Contains("static"))
        {
            _mechanisms.Add(new StaticDiscovery(options.Get(OptionTable.Peers).Select(p => (p.Host, p.Port))));
        }

        foreach (string missing in named.Where(n => n is "k8s" or "dns"))
        {
            string inUse = _mechanisms.Count == 0 ? "none" : string.Join(", ", Names);
            DaemonLog.DiscoveryNotBuiltIn(log, missing == "k8s" ? "Kubernetes" : "DNS", inUse);
        }
    }

    /// <summary>A mesh that is bound to one address is reached by the interface of that address alone.</summary>
    private static IReadOnlyList<string> InterfacesFor(OptionSet options)
    {
        IReadOnlyList<string> named = options.Get(OptionTable.MulticastInterface);
        IPAddress bind = options.Get(OptionTable.Bind);
        bool isOne = bind.AddressFamily == AddressFamily.InterNetwork && !bind.Equals(IPAddress.Any);
        return named.Count == 0 && isOne ? [bind.ToString()] : named;
    }

    /// <summary>Names of those in use.</summary>
    public IReadOnlyList<string> Names => [.. _mechanisms.Select(m => m.Name)];

    /// <summary>Counters of beacons; null without multicast.</summary>
    public BeaconStatistics? Beacons => _multicast?.Statistics;

    /// <summary>Whether nodes that were there at the start have had time to be found. Any thread.</summary>
    public bool FirstRoundIsDone => _mechanisms.TrueForAll(m => m.FirstRoundIsDone);

    /// <summary>Begins to look.</summary>
    public void Start(IPeerDiscoveryListener listener) => _mechanisms.ForEach(m => m.Start(listener));

    /// <summary>Says goodbye and stops; may take up to a second.</summary>
    public void Leave() => _mechanisms.ForEach(m => m.Leave());

    public void Dispose() => _mechanisms.ForEach(m => m.Dispose());
}
