using System.Globalization;

namespace NexusdBench;

/// <summary>CPU time and memory of processes, from the proc file system.</summary>
internal static class ProcessFigures
{
    // USER_HZ, which Linux has fixed at 100 for programs.
    private const double TicksPerSecond = 100;

    /// <summary>User and system time of this process in seconds, to a microsecond.</summary>
    internal static double OwnCpuSeconds => Environment.CpuUsage.TotalTime.TotalSeconds;

    /// <summary>Resident memory of this process in KiB.</summary>
    internal static long OwnResidentKilobytes => Environment.WorkingSet / 1024;

    /// <summary>User and system time of a process and its ended threads, in seconds, to 10 ms.</summary>
    internal static double CpuSeconds(int pid)
    {
        var stat = File.ReadAllText($"/proc/{pid}/stat");
        // The name of the program stands in brackets and may hold anything; utime and stime are the 12th and 13th
        // behind it.
        var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return (Parse(fields[11]) + Parse(fields[12])) / TicksPerSecond;
    }

    /// <summary>Resident memory in MB (10^6 bytes).</summary>
    internal static double ResidentMegabytes(int pid)
    {
        var line = File.ReadLines($"/proc/{pid}/status").First(l => l.StartsWith("VmRSS:", StringComparison.Ordinal));
        return Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]) * 1024 / 1e6;
    }

    private static double Parse(string text) => double.Parse(text, CultureInfo.InvariantCulture);
}
