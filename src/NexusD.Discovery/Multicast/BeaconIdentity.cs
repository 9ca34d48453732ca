using NexusD.Protocol;

namespace NexusD.Discovery.Multicast;

/// <summary>What a node says of itself in its beacons.</summary>
/// <param name="NodeId">Chosen anew at each start.</param>
/// <param name="MeshPort">UDP port of its links, 1 to 65535.</param>
/// <param name="Generation">Seconds since 1970-01-01 at its start.</param>
/// <param name="Cluster">1 to 64 bytes of UTF-8.</param>
/// <param name="NodeName">1 to 64 bytes of UTF-8.</param>
public sealed record BeaconIdentity(NodeId NodeId, int MeshPort, uint Generation, string Cluster, string NodeName);
