namespace NexusD.Sessions;

/// <summary>What one app makes the daemon hold.</summary>
/// <param name="Id">Number of its session.</param>
/// <param name="Name">Its name.</param>
/// <param name="Bytes">
/// Events that wait for its subscriptions, bytes on their way to it and its topic aliases. A payload that waits for
/// several apps counts for each.
/// </param>
public readonly record struct HeldByClient(long Id, string Name, long Bytes);
