using NexusD.Protocol;

namespace NexusdClient;

/// <summary>A subscription was refused: bad filter, too many subscriptions, not allowed.</summary>
public sealed class SubscribeException : NexusdException
{
    /// <summary>Makes one with the usual text.</summary>
    public SubscribeException()
        : this("The subscription was refused.")
    {
    }

    /// <summary>Makes one with a text.</summary>
    public SubscribeException(string message)
        : base(message)
    {
    }

    /// <summary>Makes one with a text and a cause.</summary>
    public SubscribeException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }

    /// <summary>Makes one from a code and a text.</summary>
    public SubscribeException(ErrorCode code, string message)
        : base(message)
    {
        Code = code;
    }

    /// <summary>The error code of docs/protocol/README.md; 0 where the daemon gave none.</summary>
    public ErrorCode Code { get; }
}
