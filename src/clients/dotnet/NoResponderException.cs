namespace NexusdClient;

/// <summary>Nobody in the mesh subscribes to the topic of a request.</summary>
public sealed class NoResponderException : NexusdException
{
    /// <summary>Makes one with the usual text.</summary>
    public NoResponderException()
        : this("Nobody answers requests on that topic.")
    {
    }

    /// <summary>Makes one with a text.</summary>
    public NoResponderException(string message)
        : base(message)
    {
    }

    /// <summary>Makes one with a text and a cause.</summary>
    public NoResponderException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
