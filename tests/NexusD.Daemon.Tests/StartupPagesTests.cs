namespace NexusD.Daemon.Tests;

public sealed class StartupPagesTests
{
    [Theory]
    [InlineData("55d0c8a00000-55d0c8a14000 r-xp 00013000 08:01 1234  /usr/bin/nexusd", true)]
    [InlineData("55d0c8a00000-55d0c8a14000 r--p 00013000 08:01 1234  /usr/bin/nexusd", true)]
    [InlineData("55d0c8a00000-55d0c8a14000 rw-p 00013000 08:01 1234  /usr/bin/nexusd", false)]
    [InlineData("55d0c8a00000-55d0c8a14000 r-xs 00013000 08:01 1234  /usr/bin/nexusd", false)]
    [InlineData("55d0c8a00000-55d0c8a14000 r--p 00000000 00:00 0 ", false)]
    [InlineData("55d0c8a00000-55d0c8a14000 r-xp 00000000 00:00 0  [vdso]", false)]
    public void Only_files_that_cannot_be_written_to_are_given_back(string line, bool expected)
    {
        StartupPages.Mapping mapping = StartupPages.Mapping.TryParse(line)!;
        Assert.Equal(expected, mapping.IsCleanFile);
        Assert.Equal(0x55d0c8a00000UL, mapping.Start);
        Assert.Equal(0x14000UL, mapping.Length);
    }

    [Theory]
    [InlineData("Rss:                 100 kB")]
    [InlineData("VmFlags: rd ex mr mw me ")]
    [InlineData("")]
    public void Other_lines_are_no_mappings(string line) => Assert.Null(StartupPages.Mapping.TryParse(line));

    [Fact]
    public void The_process_lives_on_after_it()
    {
        Assert.True(StartupPages.Release() > 0);
        Assert.True(StartupPages.Release() > 0);
        Assert.Equal(1275, Enumerable.Range(1, 50).Sum());
    }
}
