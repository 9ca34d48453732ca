using System.Net;
using NexusD.Protocol;

namespace NexusD.Discovery.Multicast;

/// <summary>
/// A node that was heard by beacon. A node with several addresses goes by one of them for as long as it is heard
/// there.
/// </summary>
internal sealed class Neighbour(NodeId id, uint generation, IPAddress address, int port, string name)
{
    public NodeId Id { get; } = id;

    public uint Generation { get; } = generation;

    public string Name { get; } = name;

    public IPAddress Address { get; set; } = address;

    public int Port { get; set; } = port;

    /// <summary>When it was last heard from any of its addresses.</summary>
    public long HeardAtMs { get; set; }

    /// <summary>When it was last heard from <see cref="Address"/>.</summary>
    public long HeardThereAtMs { get; set; }

    public bool IsAt(IPAddress address, int port) => Port == port && Address.Equals(address);

    public DiscoveredPeer ToPeer() => new(Address.ToString(), Port, MulticastDiscovery.SourceName);
}
