using NexusD.Protocol;

namespace NexusdClient;

/// <summary>The daemon cannot be reached, or ended the connection.</summary>
public sealed class ConnectionException : NexusdException
{
    /// <summary>Makes one with the usual text.</summary>
    public ConnectionException()
        : this("The daemon cannot be reached.")
    {
    }

    /// <summary>Makes one with a text.</summary>
    public ConnectionException(string message)
        : base(message)
    {
    }

    /// <summary>Makes one with a text and a cause.</summary>
    public ConnectionException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }

    /// <summary>Makes one from a code and a text.</summary>
    public ConnectionException(ErrorCode code, string message)
        : base(message)
    {
        Code = code;
    }

    internal ConnectionException(string message, Exception? innerException, bool isPermanent, ErrorCode code = default)
        : base(message, innerException)
    {
        IsPermanent = isPermanent;
        Code = code;
    }

    /// <summary>
    /// Whether waiting will not help: another program listens there, no common protocol version, not let in. The client
    /// tries again all the same; <see cref="Client.WaitReadyAsync(CancellationToken)"/> stops waiting.
    /// </summary>
    public bool IsPermanent { get; }

    /// <summary>The error code of docs/protocol/README.md; 0 where the daemon gave none.</summary>
    public ErrorCode Code { get; }
}
