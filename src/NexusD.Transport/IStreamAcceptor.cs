namespace NexusD.Transport;

/// <summary>Told of new connections on the loop's thread.</summary>
public interface IStreamAcceptor
{
    /// <summary>
    /// A peer connected. The acceptor owns the connection and either starts or closes it before it returns.
    /// </summary>
    void OnAccepted(StreamConnection connection);
}
