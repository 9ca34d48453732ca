namespace NexusD.Quic;

/// <summary>An engine cannot run here because a native library is missing; the message says what to install.</summary>
public sealed class QuicUnavailableException : Exception
{
    /// <param name="engine">The engine that was asked for.</param>
    /// <param name="message">What is missing and how to get it.</param>
    /// <param name="innerException">What the loader said, if anything.</param>
    public QuicUnavailableException(QuicEngineKind engine, string message, Exception? innerException = null)
        : base(message, innerException) => Engine = engine;

    /// <summary>The engine that was asked for.</summary>
    public QuicEngineKind Engine { get; }
}
