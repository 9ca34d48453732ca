namespace NexusD.Daemon.Tests;

public sealed class CgroupCpuTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("nexusd-cgroup-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Theory]
    [InlineData("50000 100000", 0.5)]
    [InlineData("20000 100000", 0.2)]
    [InlineData("400000 100000", 4)]
    [InlineData("max 100000", double.PositiveInfinity)]
    [InlineData("nonsense", double.PositiveInfinity)]
    [InlineData("", double.PositiveInfinity)]
    public void ReadsTheQuotaOfVersionTwo(string cpuMax, double cores)
    {
        Write("proc/self/cgroup", "0::/pods/p1\n");
        Write("sys/fs/cgroup/pods/p1/cpu.max", cpuMax + "\n");

        Assert.Equal(cores, CgroupCpu.Cores(_root));
    }

    [Fact]
    public void TheLeastOnTheWayCounts()
    {
        Write("proc/self/cgroup", "0::/pods/p1\n");
        Write("sys/fs/cgroup/pods/cpu.max", "30000 100000\n");
        Write("sys/fs/cgroup/pods/p1/cpu.max", "max 100000\n");

        Assert.Equal(0.3, CgroupCpu.Cores(_root));
    }

    [Fact]
    public void InAContainerTheMountIsTheGroup()
    {
        Write("proc/self/cgroup", "0::/of/the/host\n");
        Write("sys/fs/cgroup/cpu.max", "20000 100000\n");

        Assert.Equal(0.2, CgroupCpu.Cores(_root));
    }

    [Fact]
    public void NothingIsReadOutsideOfTheMount()
    {
        Write("proc/self/cgroup", "0::/../beside\n");
        Write("sys/fs/cgroup/cpu.max", "20000 100000\n");
        Write("sys/fs/beside/cpu.max", "10000 100000\n");

        Assert.Equal(0.2, CgroupCpu.Cores(_root));
    }

    [Theory]
    [InlineData("cpu")]
    [InlineData("cpu,cpuacct")]
    public void ReadsTheQuotaOfVersionOne(string controllers)
    {
        Write("proc/self/cgroup", $"3:memory:/a\n2:{controllers}:/a\n0::/\n");
        Write($"sys/fs/cgroup/{controllers}/a/cpu.cfs_quota_us", "50000\n");
        Write($"sys/fs/cgroup/{controllers}/a/cpu.cfs_period_us", "100000\n");
        Write($"sys/fs/cgroup/{controllers}/cpu.cfs_quota_us", "-1\n");
        Write($"sys/fs/cgroup/{controllers}/cpu.cfs_period_us", "100000\n");

        Assert.Equal(0.5, CgroupCpu.Cores(_root));
    }

    [Fact]
    public void WithoutControlGroupsThereIsNoQuota() =>
        Assert.Equal(double.PositiveInfinity, CgroupCpu.Cores(_root));

    private void Write(string path, string text)
    {
        string file = Path.Combine(_root, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text);
    }
}
