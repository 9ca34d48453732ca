namespace NexusdClient;

/// <summary>Somebody got a request, but no reply came in time.</summary>
public sealed class RequestTimeoutException : NexusdException
{
    /// <summary>Makes one with the usual text.</summary>
    public RequestTimeoutException()
        : this("No reply came in time.")
    {
    }

    /// <summary>Makes one with a text.</summary>
    public RequestTimeoutException(string message)
        : base(message)
    {
    }

    /// <summary>Makes one with a text and a cause.</summary>
    public RequestTimeoutException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
