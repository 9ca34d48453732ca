namespace NexusdClient;

/// <summary>
/// What <c>Publish</c> does when the daemon is away and the buffer has no room. While the daemon is there and merely
/// slower than the publisher, <c>Publish</c> always waits and <c>TryPublish</c> never.
/// </summary>
public enum BufferFullMode
{
    /// <summary><c>Publish</c> returns false and the event is not kept.</summary>
    ReturnFalse,

    /// <summary><c>Publish</c> throws <see cref="BufferFullException"/>.</summary>
    Throw,
}
