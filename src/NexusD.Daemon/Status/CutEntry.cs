namespace NexusD.Daemon.Status;

/// <summary>The last entry of a list that was too long to be answered whole.</summary>
internal sealed record CutEntry(bool Truncated);
