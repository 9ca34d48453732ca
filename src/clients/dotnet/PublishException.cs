using NexusD.Protocol;

namespace NexusdClient;

/// <summary>An event was refused: bad topic, payload too large, not allowed.</summary>
public sealed class PublishException : NexusdException
{
    /// <summary>Makes one with the usual text.</summary>
    public PublishException()
        : this("The event was refused.")
    {
    }

    /// <summary>Makes one with a text.</summary>
    public PublishException(string message)
        : base(message)
    {
    }

    /// <summary>Makes one with a text and a cause.</summary>
    public PublishException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }

    /// <summary>Makes one from a code and a text.</summary>
    public PublishException(ErrorCode code, string message)
        : base(message)
    {
        Code = code;
    }

    /// <summary>The error code of docs/protocol/README.md; 0 where the daemon gave none.</summary>
    public ErrorCode Code { get; }
}
