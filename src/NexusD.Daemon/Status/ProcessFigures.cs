using System.Globalization;

namespace NexusD.Daemon.Status;

/// <summary>What the kernel says of this process (proc(5)) and the runtime of its managed memory.</summary>
/// <param name="CpuSeconds">User and system time.</param>
/// <param name="ResidentBytes">Memory in RAM.</param>
/// <param name="VirtualBytes">Address space.</param>
/// <param name="ManagedBytes">Memory of the garbage-collected heap.</param>
/// <param name="OpenFiles">Open descriptors.</param>
/// <param name="Threads">Threads.</param>
/// <param name="Collections">Garbage collections since the start.</param>
internal readonly record struct ProcessFigures(
    double CpuSeconds,
    long ResidentBytes,
    long VirtualBytes,
    long ManagedBytes,
    int OpenFiles,
    int Threads,
    long Collections)
{
    // Fields of /proc/self/stat counted from the one after the name in brackets, which may hold blanks.
    private const int UserTicks = 11;
    private const int SystemTicks = 12;
    private const int ThreadCount = 17;
    private const int VirtualSize = 20;
    private const int ResidentPages = 21;
    private const double TicksPerSecond = 100; // USER_HZ, the same on every Linux that .NET runs on

    /// <summary>As of now; what cannot be read is 0.</summary>
    public static ProcessFigures Read()
    {
        string[] fields = [];
        int files = 0;
        try
        {
            string stat = File.ReadAllText("/proc/self/stat");
            fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            files = Directory.EnumerateFileSystemEntries("/proc/self/fd").Count() - 1; // not the one that lists them
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A jail without /proc: the figures stay 0.
        }

        return new ProcessFigures(
            (Field(fields, UserTicks) + Field(fields, SystemTicks)) / TicksPerSecond,
            Field(fields, ResidentPages) * Environment.SystemPageSize,
            Field(fields, VirtualSize),
            GC.GetTotalMemory(forceFullCollection: false),
            files,
            (int)Field(fields, ThreadCount),
            GC.CollectionCount(0));
    }

    private static long Field(string[] fields, int index) =>
        index < fields.Length && long.TryParse(fields[index], CultureInfo.InvariantCulture, out long value) ? value : 0;
}
