using NexusD.Protocol;

namespace NexusdClient;

/// <summary>A query was refused.</summary>
public sealed class QueryException : NexusdException
{
    /// <summary>Makes one with the usual text.</summary>
    public QueryException()
        : this("The query was refused.")
    {
    }

    /// <summary>Makes one with a text.</summary>
    public QueryException(string message)
        : base(message)
    {
    }

    /// <summary>Makes one with a text and a cause.</summary>
    public QueryException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }

    /// <summary>Makes one from a code and a text.</summary>
    public QueryException(ErrorCode code, string message)
        : base(message)
    {
        Code = code;
    }

    /// <summary>The error code of docs/protocol/README.md; 0 where the daemon gave none.</summary>
    public ErrorCode Code { get; }
}
