namespace NexusdBench;

/// <summary>What one daemon used: CPU seconds (in a result for a million deliveries), resident MB.</summary>
internal sealed record DaemonFigures(string Name, double CpuSeconds, double ResidentMegabytes)
{
    internal static DaemonFigures Of(MeasuredDaemon daemon) =>
        new(daemon.Name, ProcessFigures.CpuSeconds(daemon.Pid), ProcessFigures.ResidentMegabytes(daemon.Pid));
}
