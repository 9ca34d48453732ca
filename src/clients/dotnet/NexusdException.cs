namespace NexusdClient;

/// <summary>Base of everything that the client throws about the daemon; the text says what to do.</summary>
public class NexusdException : Exception
{
    /// <summary>Makes one with the usual text.</summary>
    public NexusdException()
        : this("The nexusd client failed.")
    {
    }

    /// <summary>Makes one with a text.</summary>
    public NexusdException(string message)
        : base(message)
    {
    }

    /// <summary>Makes one with a text and a cause.</summary>
    public NexusdException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
