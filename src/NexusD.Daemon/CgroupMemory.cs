using System.Globalization;

namespace NexusD.Daemon;

/// <summary>
/// How much memory this process may have: the limit of its control group, version 2 "memory.max" or, if lower,
/// "memory.high", from where on the kernel slows the process down, or version 1 "memory.limit_in_bytes"
/// (Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst of the kernel), or the machine's memory
/// ("MemTotal" of proc(5)).
/// </summary>
internal static class CgroupMemory
{
    // Version 1 writes the highest number of whole pages where no limit is set.
    private const double NoLimit = 1L << 60;

    /// <summary>Bytes of the control group; infinite without a limit or where none can be read.</summary>
    /// <param name="root">Where the file system starts; another one in tests.</param>
    public static double Limit(string root = "/") =>
        ControlGroup.Least(root, "memory", f => Read(f, "memory.limit_in_bytes"), LimitV2);

    /// <summary>Bytes of the machine; infinite where that cannot be read.</summary>
    /// <param name="root">Where the file system starts; another one in tests.</param>
    public static double OfMachine(string root = "/")
    {
        string line = Array.Find(
            ControlGroup.ReadLines(Path.Combine(root, "proc/meminfo")),
            static l => l.StartsWith("MemTotal:", StringComparison.Ordinal)) ?? "";
        string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return words.Length == 3 && words[2] == "kB" ? Number(words[1]) * 1024 : double.PositiveInfinity;
    }

    /// <summary>
    /// What the kernel counts against the limit without the page cache, in bytes: the memory of all processes in the
    /// group and what the kernel holds for them, above all in sockets. 0 without a limit, or where it cannot be read.
    /// </summary>
    /// <param name="root">Where the file system starts; another one in tests.</param>
    public static long Held(string root = "/")
    {
        double least = double.PositiveInfinity;
        long held = 0;
        foreach ((string folder, bool isVersionTwo) in ControlGroup.Folders(root, "memory"))
        {
            double limit = isVersionTwo ? LimitV2(folder) : Read(folder, "memory.limit_in_bytes");
            if (limit < least)
            {
                least = limit;
                held = isVersionTwo
                    ? Held(folder, "memory.current", "file ")
                    : Held(folder, "memory.usage_in_bytes", "total_cache ");
            }
        }

        return held;
    }

    private static double LimitV2(string folder) =>
        Math.Min(Read(folder, "memory.max"), Read(folder, "memory.high"));

    private static long Held(string folder, string usage, string cache)
    {
        double used = Read(folder, usage);
        string line = Array.Find(
            ControlGroup.ReadLines(Path.Combine(folder, "memory.stat")),
            l => l.StartsWith(cache, StringComparison.Ordinal)) ?? "";
        double cached = line.Length > 0 ? Number(line[cache.Length..]) : 0;
        return double.IsFinite(used) ? (long)Math.Max(0, used - (double.IsFinite(cached) ? cached : 0)) : 0;
    }

    private static double Read(string folder, string file) =>
        Number(ControlGroup.ReadLines(Path.Combine(folder, file)).FirstOrDefault(""));

    // "max" of version 2 is no number.
    private static double Number(string text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long bytes) && bytes is > 0
        && bytes < NoLimit
            ? bytes
            : double.PositiveInfinity;
}
