using System.Globalization;

namespace NexusD.EndToEnd.Tests.Harness;

/// <summary>A control group with a memory limit (version 1 or 2), made for a test and removed with it.</summary>
internal sealed class MemoryGroup : IDisposable
{
    private const string VersionOne = "/sys/fs/cgroup/memory";
    private const string VersionTwo = "/sys/fs/cgroup";

    private static int _count;

    private readonly string _folder;
    private readonly bool _isVersionOne;

    private MemoryGroup(string folder, bool isVersionOne)
    {
        _folder = folder;
        _isVersionOne = isVersionOne;
    }

    /// <summary>The file to which a process writes its id to be in the group.</summary>
    public string ProcessFile => Path.Combine(_folder, "cgroup.procs");

    /// <summary>What the kernel counts for the group now, page cache included.</summary>
    public long UsedBytes => Read(_isVersionOne ? "memory.usage_in_bytes" : "memory.current");

    /// <summary>The limit in force.</summary>
    public long LimitBytes => Read(_isVersionOne ? "memory.limit_in_bytes" : "memory.max");

    /// <summary>Makes a group with a limit.</summary>
    /// <exception cref="IOException">The system does not let this process make one.</exception>
    /// <exception cref="UnauthorizedAccessException">Likewise.</exception>
    public static MemoryGroup Create(long limitBytes)
    {
        bool isVersionOne = Directory.Exists(VersionOne);
        string root = isVersionOne ? VersionOne : VersionTwo;
        string name = $"nexusd-test-{Environment.ProcessId}-{Interlocked.Increment(ref _count)}";
        string folder = Path.Combine(root, name);
        if (!isVersionOne)
        {
            File.WriteAllText(Path.Combine(root, "cgroup.subtree_control"), "+memory");
        }

        Directory.CreateDirectory(folder);
        var group = new MemoryGroup(folder, isVersionOne);
        try
        {
            string limit = limitBytes.ToString(CultureInfo.InvariantCulture);
            File.WriteAllText(Path.Combine(folder, isVersionOne ? "memory.limit_in_bytes" : "memory.max"), limit);
            return group;
        }
        catch
        {
            group.Dispose();
            throw;
        }
    }

    /// <summary>Why no group can be made here; null when one can.</summary>
    public static string? FindMissing()
    {
        try
        {
            Create(64L << 20).Dispose();
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"NOT RUN: control groups with a memory limit cannot be made here: {e.Message}";
        }
    }

    public void Dispose()
    {
        if (Directory.Exists(_folder))
        {
            Directory.Delete(_folder); // an rmdir: the files in it are the kernel's
        }
    }

    private long Read(string file) =>
        long.Parse(File.ReadAllText(Path.Combine(_folder, file)), CultureInfo.InvariantCulture);
}
