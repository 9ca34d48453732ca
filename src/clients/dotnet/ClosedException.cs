namespace NexusdClient;

/// <summary>The client was disposed, or its subscription ended with it.</summary>
public sealed class ClosedException : NexusdException
{
    /// <summary>Makes one with the usual text.</summary>
    public ClosedException()
        : this("The client is closed.")
    {
    }

    /// <summary>Makes one with a text.</summary>
    public ClosedException(string message)
        : base(message)
    {
    }

    /// <summary>Makes one with a text and a cause.</summary>
    public ClosedException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
