namespace NexusdClient;

/// <summary>The daemon is away and the publish buffer is full.</summary>
public sealed class BufferFullException : NexusdException
{
    /// <summary>Makes one with the usual text.</summary>
    public BufferFullException()
        : this("The publish buffer is full.")
    {
    }

    /// <summary>Makes one with a text.</summary>
    public BufferFullException(string message)
        : base(message)
    {
    }

    /// <summary>Makes one with a text and a cause.</summary>
    public BufferFullException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
