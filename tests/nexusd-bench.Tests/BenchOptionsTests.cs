namespace NexusdBench.Tests;

public sealed class BenchOptionsTests
{
    [Theory]
    [InlineData("", "nexusd-bench pubsub|latency|fanout|subs|mesh|idle|stuck|chaos|gate")]
    [InlineData("fly", "no scenario 'fly'")]
    [InlineData("pubsup", "did you mean 'pubsub'?")]
    [InlineData("pubsub --speed 1", "no option '--speed'")]
    [InlineData("pubsub --publisher 1", "did you mean '--publishers'?")]
    [InlineData("pubsub --nodes 3", "--nodes is not for pubsub, but for mesh")]
    [InlineData("idle --rate 3", "--rate is not for idle")]
    [InlineData("mesh --nodes 1", "from 2 to 16")]
    [InlineData("pubsub --start --addr=unix:/run/x", "leave out --addr")]
    [InlineData("pubsub --csv --json", "give one")]
    [InlineData("pubsub --rate", "--rate needs a value")]
    [InlineData("pubsub --rate x", "--rate is 'x'")]
    [InlineData("pubsub --publishers 0", "from 1 to 1000")]
    [InlineData("pubsub --read slowly", "handler, batches or events")]
    [InlineData("pubsub --batch 2 --topics 2", "leave out --topics")]
    [InlineData("pubsub --payload 8 --publishers 2", "--window 0")]
    [InlineData("pubsub --daemon-pid 0", "no process '0'")]
    public void A_wrong_command_line_says_how_it_would_be_right(string line, string expected)
    {
        var args = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var error = Assert.Throws<BenchUsageException>(() => BenchOptions.Parse(args));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_window_never_holds_more_than_a_subscription_queue()
    {
        Assert.Equal(20_000, Parse("pubsub").Window);
        Assert.InRange(Parse("pubsub", "--payload", "65536").Window, 1, (16 << 20) / 65_536);
        Assert.Equal(0, Parse("latency").Window);
        Assert.Equal(5, Parse("latency", "--window=5").Window);
    }

    [Fact]
    public void Latency_checks_every_event_at_a_steady_rate()
    {
        var options = Parse("latency");
        Assert.True(options.Verify);
        Assert.Equal(1000, options.Rate);
        Assert.False(Parse("pubsub").Verify);
    }

    [Fact]
    public void Help_names_every_option_of_the_table()
    {
        Assert.Null(BenchOptions.Parse(["--help"]));
        foreach (var option in BenchOptionTable.Options)
        {
            Assert.Contains($"  {option.Name} ", BenchOptionTable.Help, StringComparison.Ordinal);
        }

        Assert.Contains("--daemon-pid PID[,PID]", BenchOptionTable.Help, StringComparison.Ordinal);
        Assert.Contains("Examples", BenchOptionTable.Help, StringComparison.Ordinal);
    }

    private static BenchOptions Parse(params string[] args) => BenchOptions.Parse(args)!;
}
