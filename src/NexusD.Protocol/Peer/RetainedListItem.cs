namespace NexusD.Protocol.Peer;

/// <summary>An entry as a list tells it.</summary>
/// <param name="TopicHash">64-bit FNV-1a of the topic.</param>
/// <param name="Timestamp">Hybrid clock of the event.</param>
/// <param name="Digest"><see cref="Fnv1a64.RetainedEntry"/>.</param>
public readonly record struct RetainedListItem(ulong TopicHash, ulong Timestamp, ulong Digest);
