namespace NexusD.Discovery;

/// <summary>
/// The peers that a person named. Names are handed on as names, so that each try to reach one looks it up again and a
/// node
/// that moved is found.
/// </summary>
public sealed class StaticDiscovery : IPeerDiscovery
{
    private readonly DiscoveredPeer[] _peers;

    /// <param name="peers">Host name or address, and port (1 to 65535).</param>
    public StaticDiscovery(IEnumerable<(string Host, int Port)> peers) =>
        _peers = [.. peers.Distinct().Select(p => new DiscoveredPeer(p.Host, p.Port, "static"))];

    /// <inheritdoc/>
    public string Name => "static";

    /// <inheritdoc/>
    public bool FirstRoundIsDone { get; private set; }

    /// <inheritdoc/>
    public void Start(IPeerDiscoveryListener listener)
    {
        foreach (DiscoveredPeer peer in _peers)
        {
            listener.Found(peer);
        }

        FirstRoundIsDone = true;
    }

    /// <inheritdoc/>
    public void Leave()
    {
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
