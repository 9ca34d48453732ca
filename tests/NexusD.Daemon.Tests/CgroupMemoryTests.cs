namespace NexusD.Daemon.Tests;

public sealed class CgroupMemoryTests : IDisposable
{
    private const double None = double.PositiveInfinity;

    private readonly string _root = Directory.CreateTempSubdirectory("nexusd-cgroup-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Theory]
    [InlineData("67108864", "max", 67_108_864)]
    [InlineData("67108864", "50000000", 50_000_000)]
    [InlineData("50000000", "67108864", 50_000_000)]
    [InlineData("max", "50000000", 50_000_000)]
    [InlineData("67108864", null, 67_108_864)]
    [InlineData("max", "max", None)]
    [InlineData("nonsense", "", None)]
    [InlineData("-1", "0", None)]
    public void OfVersionTwo_TheLowerOfMaxAndHighCounts(string max, string? high, double limit)
    {
        Write("proc/self/cgroup", "0::/pods/p1\n");
        Write("sys/fs/cgroup/pods/p1/memory.max", max + "\n");
        if (high is not null)
        {
            Write("sys/fs/cgroup/pods/p1/memory.high", high + "\n");
        }

        Assert.Equal(limit, CgroupMemory.Limit(_root));
    }

    [Fact]
    public void TheLeastOnTheWayCounts_AndItsUse()
    {
        Write("proc/self/cgroup", "0::/pods/p1\n");
        Write("sys/fs/cgroup/pods/memory.max", "30000000\n");
        Write("sys/fs/cgroup/pods/memory.current", "20000000\n");
        Write("sys/fs/cgroup/pods/memory.stat", "anon 11\nfile 5000000\nfile_mapped 7\n");
        Write("sys/fs/cgroup/pods/p1/memory.max", "40000000\n");
        Write("sys/fs/cgroup/pods/p1/memory.current", "1000\n");

        Assert.Equal(30_000_000, CgroupMemory.Limit(_root));
        Assert.Equal(15_000_000, CgroupMemory.Held(_root));
    }

    [Theory]
    [InlineData("0::/of/the/host\n")]
    [InlineData("0::/\n")]
    [InlineData("0::/../beside\n")]
    public void InANamespaceTheMountIsTheGroup(string groups)
    {
        Write("proc/self/cgroup", groups);
        Write("sys/fs/cgroup/memory.max", "64000000\n");
        Write("sys/fs/beside/memory.max", "1000\n");
        Write("sys/fs/memory.max", "1000\n");

        Assert.Equal(64_000_000, CgroupMemory.Limit(_root));
    }

    [Theory]
    [InlineData("memory")]
    [InlineData("memory,hugetlb")]
    public void ReadsTheLimitOfVersionOne_BesideATreeOfVersionTwo(string controllers)
    {
        Write("proc/self/cgroup", $"3:cpu:/a\n2:{controllers}:/a/b\n1:name=systemd:/a\n0::/a\n");
        Write($"sys/fs/cgroup/{controllers}/memory.limit_in_bytes", "9223372036854771712\n");
        Write($"sys/fs/cgroup/{controllers}/a/memory.limit_in_bytes", "64000000\n");
        Write($"sys/fs/cgroup/{controllers}/a/memory.usage_in_bytes", "9000000\n");
        Write($"sys/fs/cgroup/{controllers}/a/memory.stat", "cache 1\ntotal_cache 2000000\n");
        Write($"sys/fs/cgroup/{controllers}/a/b/memory.limit_in_bytes", "9223372036854771712\n");
        Write("sys/fs/cgroup/unified/a/cgroup.procs", "1\n");

        Assert.Equal(64_000_000, CgroupMemory.Limit(_root));
        Assert.Equal(7_000_000, CgroupMemory.Held(_root));
    }

    [Fact]
    public void ReadsVersionTwo_BesideATreeOfVersionOne()
    {
        Write("proc/self/cgroup", "2:cpu:/a\n0::/a\n");
        Write("sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "-1\n");
        Write("sys/fs/cgroup/unified/a/memory.max", "64000000\n");

        Assert.Equal(64_000_000, CgroupMemory.Limit(_root));
    }

    [Fact]
    public void WithoutControlGroupsThereIsNoLimit()
    {
        Assert.Equal((None, None), (CgroupMemory.Limit(_root), CgroupMemory.OfMachine(_root)));
        Assert.Equal(0, CgroupMemory.Held(_root));
        Write("proc/meminfo", "MemTotal:       16384 kB\nMemFree: 1 kB\n");
        Assert.Equal(16_384 * 1024, CgroupMemory.OfMachine(_root));
    }

    private void Write(string path, string text)
    {
        string file = Path.Combine(_root, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text);
    }
}
