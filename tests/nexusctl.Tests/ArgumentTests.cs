using Nexusctl.Arguments;
using Nexusctl.Commands;

namespace Nexusctl.Tests;

public sealed class ArgumentTests
{
    [Theory]
    [InlineData("pbu", "Did you mean 'pub'?")]
    [InlineData("statsu", "Did you mean 'status'?")]
    [InlineData("zzzzz", "Commands: pub, sub")]
    [InlineData("pub --retian a b", "Did you mean '--retain'?")]
    [InlineData("sub a --jsno", "Did you mean '--json'?")]
    [InlineData("sub a --count", "--count needs a value: --count N")]
    [InlineData("sub a --count=x", "--count is 'x'; it must be a whole number above 0")]
    [InlineData("sub a --count=0", "whole number above 0")]
    [InlineData("sub a --timeout 5parsecs", "500ms, 10s, 2m or 1h")]
    [InlineData("sub a --json=yes", "--json takes no value")]
    [InlineData("sub", "sub needs FILTER...")]
    [InlineData("status extra", "does not know what to do with 'extra'")]
    [InlineData("pub", "pub needs a topic")]
    [InlineData("pub a", "pub needs a payload")]
    [InlineData("pub a b --stdin", "from one place, not from a PAYLOAD and --stdin")]
    [InlineData("pub a b --columns x", "--columns belongs to --csv")]
    [InlineData("pub a b --topic c", "the topic is given twice")]
    [InlineData("pub a --file /nonexistent/file", "there is no file")]
    [InlineData("pub a b --addr host:x", "port")]
    [InlineData("", "no command was given")]
    public async Task A_wrong_command_line_says_how_it_would_be_right(string line, string expected)
    {
        var (code, output, errors) = await RunningCommand.RunAsync(
            line.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal(ExitCode.Usage, code);
        Assert.Contains(expected, errors, StringComparison.Ordinal);
        Assert.Empty(output);
    }

    [Fact]
    public void Options_may_stand_anywhere_and_have_two_forms()
    {
        var parsed = ArgumentParser.Parse(
            CommandTable.All, ["--addr", "unix:/x", "pub", "--retain", "t", "--rate=5", "-7"]);
        Assert.Equal("pub", parsed.Command.Name);
        Assert.Equal(["t", "-7"], parsed.Operands);
        Assert.Equal("unix:/x", parsed.Get("--addr"));
        Assert.Equal(5, parsed.GetCount("--rate"));
        Assert.True(parsed.Has("--retain"));
    }

    [Fact]
    public void Two_dashes_end_the_options()
    {
        var parsed = ArgumentParser.Parse(CommandTable.All, ["pub", "t", "--", "--retain"]);
        Assert.Equal(["t", "--retain"], parsed.Operands);
        Assert.False(parsed.Has("--retain"));
    }

    [Theory]
    [InlineData("500ms", 0.5)]
    [InlineData("10s", 10)]
    [InlineData("10", 10)]
    [InlineData("1.5m", 90)]
    [InlineData("2h", 7200)]
    public void Times_have_units(string text, double seconds)
    {
        var parsed = ArgumentParser.Parse(CommandTable.All, ["sub", "a", "--timeout", text]);
        Assert.Equal(TimeSpan.FromSeconds(seconds), parsed.GetTime("--timeout"));
    }

    [Fact]
    public async Task Help_and_version_are_answers()
    {
        var (code, help, _) = await RunningCommand.RunAsync("--help");
        Assert.Equal(ExitCode.Done, code);
        Assert.All(CommandTable.All, c => Assert.Contains($"  {c.Name}", help, StringComparison.Ordinal));
        Assert.Contains("Exit codes", help, StringComparison.Ordinal);
        foreach (var command in CommandTable.All)
        {
            var (commandCode, text, _) = await RunningCommand.RunAsync(command.Name, "--help");
            Assert.Equal(ExitCode.Done, commandCode);
            Assert.All(
                ArgumentParser.OptionsOf(command), o => Assert.Contains(o.Name, text, StringComparison.Ordinal));
            Assert.Equal(text, (await RunningCommand.RunAsync("help", command.Name)).Output);
        }

        Assert.Matches(@"^nexusctl \d+\.\d+\.\d+\n$", (await RunningCommand.RunAsync("--version")).Output);
    }

    [Fact]
    public async Task No_daemon_is_its_own_exit_code()
    {
        var (code, _, errors) = await RunningCommand.RunAsync("status", "--addr", "unix:/nonexistent/nexusd.sock");
        Assert.Equal(ExitCode.NoConnection, code);
        Assert.Contains("Start nexusd", errors, StringComparison.Ordinal);
    }
}
