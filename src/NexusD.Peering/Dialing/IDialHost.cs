using System.Net;
using NexusD.Protocol;

namespace NexusD.Peering.Dialing;

/// <summary>What the dialer asks of the mesh.</summary>
internal interface IDialHost
{
    /// <summary>Whether a link to this node is up.</summary>
    bool IsLinked(NodeId node);

    /// <summary>The node that says it listens there and is linked; empty when there is none.</summary>
    NodeId NodeAt(IPEndPoint address);

    /// <summary>Whether a link to whoever is there is of use; a node that leaves wants few.</summary>
    bool Wants(DialEndpoint endpoint);

    /// <summary>Wants <see cref="Dialer.Run"/> by that time.</summary>
    void WakeBy(long dueNs);

    /// <summary>
    /// Starts a try; null when no more links are allowed. The outcome is told to the dialer later, never from inside.
    /// </summary>
    IDialAttempt? Dial(DialTarget target, DialEndpoint endpoint);
}
