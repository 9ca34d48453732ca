namespace NexusdClient;

/// <summary>A step from one <see cref="ConnectionState"/> to another.</summary>
/// <param name="Previous">The state before.</param>
/// <param name="Current">The state now.</param>
/// <param name="Reason">Why the connection was lost or refused; null where nothing went wrong.</param>
/// <param name="RetryAfter">Time until the next attempt, when one is planned.</param>
public sealed record ConnectionStateChange(
    ConnectionState Previous, ConnectionState Current, ConnectionException? Reason, TimeSpan? RetryAfter);
