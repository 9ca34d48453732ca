namespace NexusdClient;

/// <summary>Who the daemon said it is, and what it takes.</summary>
/// <param name="NodeId">The node's 16-byte id in hexadecimal.</param>
/// <param name="NodeName">The node's name.</param>
/// <param name="Cluster">The cluster it belongs to.</param>
/// <param name="Version">Version of the daemon.</param>
/// <param name="MaxPayloadBytes">Largest payload that it takes.</param>
/// <param name="PublisherId">The publisher id of this connection.</param>
public sealed record DaemonInfo(
    string NodeId, string NodeName, string Cluster, string Version, int MaxPayloadBytes, ulong PublisherId);
