namespace NexusD.Discovery;

/// <summary>
/// A way to learn where other nodes of the cluster may be reached. Reports what it sees and decides nothing: whether to
/// dial, and whether the node there is the right one, is for the mesh to say.
/// </summary>
/// <remarks>The module sees the beacon of the protocol and plain sockets; nothing of links, routing or apps.</remarks>
public interface IPeerDiscovery : IDisposable
{
    /// <summary>Its name in the option, in logs and in status: <c>multicast</c>, <c>static</c>.</summary>
    string Name { get; }

    /// <summary>Whether nodes that were there at the start have had time to be found.</summary>
    bool FirstRoundIsDone { get; }

    /// <summary>
    /// Begins to look. Called once; the listener is called on any thread, also from inside this call.
    /// </summary>
    void Start(IPeerDiscoveryListener listener);

    /// <summary>
    /// Says goodbye where the mechanism can, and stops. The listener is not called any more once this has returned.
    /// </summary>
    void Leave();
}
