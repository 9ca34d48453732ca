namespace NexusdClient.Receiving;

/// <summary>What the events of one run have in common beside topic and properties.</summary>
internal readonly record struct RunOrigin(ulong Publisher, ulong Clock, bool IsRetained, string Node);
