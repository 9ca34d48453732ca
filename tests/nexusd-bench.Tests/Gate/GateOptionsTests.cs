using NexusdBench.Gate;

namespace NexusdBench.Tests.Gate;

public sealed class GateOptionsTests
{
    [Fact]
    public void A_runners_command_line_is_taken_whole()
    {
        var options = Parse(
            "gate pub --client lean --url unix:/n.sock --gate g --topic a.b --nsub 4 --npub 2 --size 1000 "
            + "--deadline 25 "
            + "--rate 1000 --pub 1 --secs 2.5 --window 500 --count 9 --subs 7 --topics 8 --sub 3 --lib x --extra y "
            + "--tls 0 --ca c");
        Assert.Equal(("pub", "unix:/n.sock", "g", "a.b"), (options.Role, options.Url, options.GatePath, options.Topic));
        Assert.Equal((4, 2, 1000, 25.0), (options.Subscribers, options.Publishers, options.Size, options.Deadline));
        Assert.Equal((1000.0, 1, 2.5, 500UL), (options.Rate, options.Publisher, options.Seconds, options.Window));
        Assert.Equal((9UL, 7, 8, 3), (options.Count, options.Subscriptions, options.Topics, options.Subscriber));
        Assert.False(options.UsesLibrary);
    }

    [Fact]
    public void Defaults_are_those_of_every_client()
    {
        var options = Parse("sub --gate g --url unix:/n.sock");
        Assert.Equal((3.0, 0.0, 30.0), (options.Seconds, options.Rate, options.Deadline));
        Assert.Equal((100, 20_000UL, ulong.MaxValue), (options.Size, options.Window, options.Count));
        Assert.Equal("site/alpha/line7/press2/temperature", GateTopics.Name(options, 0));
        Assert.Equal(GateTopics.Name(options, 0), GateTopics.Filter(options, 0));
    }

    [Fact]
    public void Of_many_topics_each_has_a_filter()
    {
        var options = Parse("pub --gate g --url unix:/n.sock --topics 100");
        Assert.Equal("dev/42/x2/state", GateTopics.Name(options, 42));
        Assert.Equal("dev/42/*/state", GateTopics.Filter(options, 42));
    }

    [Fact]
    public void The_window_never_holds_more_than_a_subscription_queue()
    {
        Assert.Equal(128UL, Parse("pub --gate g --url unix:/n.sock --size 65536").Window);
        Assert.Equal(64UL, Parse("pub --gate g --url unix:/n.sock --size 65536 --npub 2").Window);
        Assert.Equal(0UL, Parse("pub --gate g --url unix:/n.sock --window 0").Window);
    }

    [Theory]
    [InlineData("gate", "gate needs a role")]
    [InlineData("gate pup", "did you mean 'pub'?")]
    [InlineData("gate pub --url unix:/n", "--gate FILE")]
    [InlineData("gate pub --gate g", "--url unix:PATH")]
    [InlineData("gate pub --gate g --url unix:/n --sise 5", "did you mean '--size'?")]
    [InlineData("gate pub --gate g --url unix:/n --pub 16", "from 0 to 15")]
    [InlineData("gate pub --gate g --url unix:/n --secs x", "--secs is 'x'")]
    [InlineData("gate pub --gate g --url unix:/n --client fat", "lean or library")]
    [InlineData("gate pub --gate g --url", "--url needs a value")]
    public void A_wrong_command_line_says_how_it_would_be_right(string line, string expected)
    {
        var error = Assert.Throws<BenchUsageException>(() => GateOptions.Parse(line.Split(' ')));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Only_a_gate_makes_a_role_of_the_first_word()
    {
        Assert.True(GateOptions.AreMeantBy(["gate"]));
        Assert.True(GateOptions.AreMeantBy(["sub", "--gate", "g"]));
        Assert.False(GateOptions.AreMeantBy(["sub"]));
        Assert.False(GateOptions.AreMeantBy(["stuck", "--start"]));
        Assert.False(GateOptions.AreMeantBy([]));
    }

    private static GateOptions Parse(string line) => GateOptions.Parse(line.Split(' '))!;
}
