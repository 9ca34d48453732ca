using System.Net;

namespace NexusD.Peering.Dialing;

/// <summary>A known address: an IP address or a name with a port, and when to try it next.</summary>
internal sealed class DialTarget
{
    public DialTarget(string host, int port, ReconnectBackoff backoff)
    {
        Host = host;
        Port = port;
        Backoff = backoff;
        IsName = !IPAddress.TryParse(host, out _);
    }

    public string Host { get; }

    public int Port { get; }

    /// <summary>Whether it has to be resolved, which happens again on each try.</summary>
    public bool IsName { get; }

    public ReconnectBackoff Backoff { get; }

    /// <summary>Who names it; without any it is forgotten.</summary>
    public HashSet<string> Sources { get; } = new(StringComparer.Ordinal);

    public List<DialEndpoint> Endpoints { get; } = [];

    /// <summary>Monotonic time of the next try; <see cref="long.MaxValue"/> while there is nothing to try.</summary>
    public long NextTryNs { get; set; }

    /// <summary>
    /// Someone answered here and refused us: news that the address exists is then no reason to hurry.
    /// </summary>
    public bool WasRefused { get; set; }

    /// <summary>When the resolution under way began; <see cref="long.MinValue"/>: none is.</summary>
    public long ResolvingSinceNs { get; set; } = long.MinValue;

    /// <summary>
    /// Grows with each resolution, so that an answer that comes too late is told from the current one.
    /// </summary>
    public int Resolution { get; set; }

    /// <summary>Why the name could not be resolved; null after a success.</summary>
    public string? ResolveFailure { get; set; }

    public string Name => new PeerAddress(Host, Port, "").ToString();
}
