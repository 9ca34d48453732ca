using System.Globalization;

namespace NexusD.Daemon;

/// <summary>
/// How much CPU the control group of this process may use (Linux cgroups, version 2 "cpu.max" and version 1
/// "cpu.cfs_quota_us"; Documentation/admin-guide/cgroup-v2.rst and sched-bwc.rst of the kernel).
/// </summary>
internal static class CgroupCpu
{
    /// <summary>
    /// Cores that may be used, as 0.2 for "200m" of Kubernetes; infinite without a quota or where none can be read.
    /// </summary>
    /// <param name="root">Where the file system starts; another one in tests.</param>
    public static double Cores(string root = "/")
    {
        double least = double.PositiveInfinity;
        foreach (string line in ReadLines(Path.Combine(root, "proc/self/cgroup")))
        {
            // "id:controllers:path"; version 2 has id 0 and no controllers.
            string[] parts = line.Split(':', 3);
            if (parts.Length < 3)
            {
                continue;
            }

            if (parts[1].Length == 0)
            {
                least = Math.Min(least, LeastOnTheWay(Path.Combine(root, "sys/fs/cgroup"), parts[2], QuotaV2));
            }
            else if (parts[1].Split(',').Contains("cpu"))
            {
                string mount = Path.Combine(root, "sys/fs/cgroup", parts[1]);
                mount = Directory.Exists(mount) ? mount : Path.Combine(root, "sys/fs/cgroup/cpu");
                least = Math.Min(least, LeastOnTheWay(mount, parts[2], QuotaV1));
            }
        }

        return least;
    }

    /// <summary>
    /// A group is bound by its own quota and by those above it. In a container the path may be that of the host, which
    /// is not there; then the mount itself is the group.
    /// </summary>
    private static double LeastOnTheWay(string mount, string path, Func<string, double> quota)
    {
        double least = quota(mount);
        string folder = mount;
        foreach (string name in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            folder = Path.Combine(folder, name);
            least = Math.Min(least, quota(folder));
        }

        return least;
    }

    private static double QuotaV2(string folder)
    {
        string[] words = [.. ReadLines(Path.Combine(folder, "cpu.max")).Take(1).SelectMany(line => line.Split(' '))];
        return words.Length == 2 ? Ratio(words[0], words[1]) : double.PositiveInfinity;
    }

    private static double QuotaV1(string folder) => Ratio(
        ReadLines(Path.Combine(folder, "cpu.cfs_quota_us")).FirstOrDefault(""),
        ReadLines(Path.Combine(folder, "cpu.cfs_period_us")).FirstOrDefault(""));

    // "max" and -1 mean no quota.
    private static double Ratio(string quota, string period) =>
        long.TryParse(quota, NumberStyles.None, CultureInfo.InvariantCulture, out long used)
        && long.TryParse(period, NumberStyles.None, CultureInfo.InvariantCulture, out long of) && of > 0
            ? (double)used / of
            : double.PositiveInfinity;

    private static string[] ReadLines(string file)
    {
        try
        {
            return File.ReadAllLines(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
