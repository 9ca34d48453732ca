namespace NexusdBench;

/// <summary>CPU seconds for a million deliveries; the daemons' are null where no daemon is measured.</summary>
internal sealed record CpuFigures(double? Daemon, double All);
