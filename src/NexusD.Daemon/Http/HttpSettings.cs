using System.Net;
using NexusD.Daemon.Options;

namespace NexusD.Daemon.Http;

/// <summary>What the HTTP side is to serve.</summary>
/// <param name="Bind">Address of both ports.</param>
/// <param name="Health">Port of the probes.</param>
/// <param name="Metrics">Port of metrics and probes; off when metrics are not enabled.</param>
/// <param name="MetricsPath">Path of the metrics.</param>
internal sealed record HttpSettings(IPAddress Bind, ListenPort Health, ListenPort Metrics, string MetricsPath)
{
    /// <summary>What the options ask for.</summary>
    public static HttpSettings From(OptionSet options)
    {
        bool metrics = options.Get(OptionTable.MetricsEnabled);
        return new HttpSettings(
            options.Get(OptionTable.HttpBind),
            options.Get(OptionTable.HealthPort),
            metrics ? options.Get(OptionTable.MetricsPort) : new ListenPort(IsOff: true, 0),
            options.Get(OptionTable.MetricsPath));
    }
}
