namespace NexusdBench;

/// <summary>KB (1,000 bytes) of daemon memory for each idle connection and each idle peer.</summary>
internal sealed record MemoryFigures(double Connection, double Peer);
