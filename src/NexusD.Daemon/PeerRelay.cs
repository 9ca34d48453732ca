using Microsoft.Extensions.Logging;
using NexusD.Daemon.Logging;
using NexusD.Discovery;
using NexusD.Loops;
using NexusD.Peering;

namespace NexusD.Daemon;

/// <summary>Carries what discovery sees, on its threads, to the mesh on the loop's thread.</summary>
internal sealed class PeerRelay(EventLoop loop, Mesh mesh, ILogger log) : IPeerDiscoveryListener
{
    public void Found(DiscoveredPeer peer)
    {
        var address = new PeerAddress(peer.Host, peer.Port, peer.Source);
        DaemonLog.PeerFound(log, peer.Source, peer.Host, peer.Port);
        loop.Post(() =>
        {
            if (!mesh.PeerFound(address))
            {
                DaemonLog.PeerNotTaken(log, address.ToString());
            }
        });
    }

    public void Lost(DiscoveredPeer peer)
    {
        var address = new PeerAddress(peer.Host, peer.Port, peer.Source);
        DaemonLog.PeerLost(log, peer.Source, peer.Host, peer.Port);
        loop.Post(() => mesh.PeerLost(address));
    }
}
