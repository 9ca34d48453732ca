namespace NexusD.Daemon.Status;

/// <summary>A retained event in the answer to the query <c>retained</c>.</summary>
/// <param name="Topic">Its topic.</param>
/// <param name="Size">Bytes of the payload.</param>
/// <param name="Publisher">Who published it, as in events.</param>
/// <param name="Number">The publisher's number of it.</param>
/// <param name="Timestamp">When the daemon beside the publisher took it.</param>
/// <param name="AgeMs">Milliseconds since then by this node's clock, at least 0.</param>
/// <param name="TtlMs">Its time to live in milliseconds; absent: no limit.</param>
/// <param name="Node">The node that answers: every node keeps its own copy.</param>
internal sealed record RetainedEntry(
    string Topic, int Size, string Publisher, ulong Number, DateTimeOffset Timestamp, long AgeMs, uint? TtlMs,
    string Node);
