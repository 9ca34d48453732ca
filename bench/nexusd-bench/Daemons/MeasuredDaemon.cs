namespace NexusdBench;

/// <summary>A daemon whose CPU and memory count.</summary>
internal sealed record MeasuredDaemon(string Name, int Pid);
