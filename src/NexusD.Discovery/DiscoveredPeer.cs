namespace NexusD.Discovery;

/// <summary>Where a node may be reached.</summary>
/// <param name="Host">IP address, or a name to be looked up on each try.</param>
/// <param name="Port">UDP port of its mesh endpoint, 1 to 65535.</param>
/// <param name="Source">Name of the discovery that says so.</param>
public readonly record struct DiscoveredPeer(string Host, int Port, string Source);
