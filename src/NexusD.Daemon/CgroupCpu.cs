using System.Globalization;

namespace NexusD.Daemon;

/// <summary>
/// How much CPU the control group of this process may use: version 2 "cpu.max" and version 1 "cpu.cfs_quota_us"
/// (Documentation/admin-guide/cgroup-v2.rst and sched-bwc.rst of the kernel).
/// </summary>
internal static class CgroupCpu
{
    /// <summary>
    /// Cores that may be used, as 0.2 for "200m" of Kubernetes; infinite without a quota or where none can be read.
    /// </summary>
    /// <param name="root">Where the file system starts; another one in tests.</param>
    public static double Cores(string root = "/") => ControlGroup.Least(root, "cpu", QuotaV1, QuotaV2);

    private static double QuotaV2(string folder)
    {
        string[] lines = ControlGroup.ReadLines(Path.Combine(folder, "cpu.max"));
        string[] words = [.. lines.Take(1).SelectMany(line => line.Split(' '))];
        return words.Length == 2 ? Ratio(words[0], words[1]) : double.PositiveInfinity;
    }

    private static double QuotaV1(string folder) => Ratio(
        ControlGroup.ReadLines(Path.Combine(folder, "cpu.cfs_quota_us")).FirstOrDefault(""),
        ControlGroup.ReadLines(Path.Combine(folder, "cpu.cfs_period_us")).FirstOrDefault(""));

    // "max" and -1 mean no quota.
    private static double Ratio(string quota, string period) =>
        long.TryParse(quota, NumberStyles.None, CultureInfo.InvariantCulture, out long used)
        && long.TryParse(period, NumberStyles.None, CultureInfo.InvariantCulture, out long of) && of > 0
            ? (double)used / of
            : double.PositiveInfinity;
}
