namespace NexusD.Discovery;

/// <summary>Told by <see cref="IPeerDiscovery"/>, on any thread; must not block.</summary>
public interface IPeerDiscoveryListener
{
    /// <summary>
    /// A node is said to be there. Told again when there is a reason to try again, such as a restart of that node.
    /// </summary>
    void Found(DiscoveredPeer peer);

    /// <summary>Nothing says any more that a node is there. A link that lives is not to be ended for that.</summary>
    void Lost(DiscoveredPeer peer);
}
