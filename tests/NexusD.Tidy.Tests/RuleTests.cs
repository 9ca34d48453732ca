namespace NexusD.Tidy.Tests;

/// <summary>Each rule finds what it is for, and an allowance excepts its own file and rule alone.</summary>
public sealed class RuleTests
{
    public static TheoryData<int> Samples => new(Enumerable.Range(0, RuleSamples.All.Count));

    [Theory]
    [MemberData(nameof(Samples))]
    public void Rule_finds_the_bad_lines_and_nothing_else(int index)
    {
        var sample = RuleSamples.All[index];

        var findings = TidyCheck.Run(RuleNamed(sample.Rule), SourceTree.Of(sample.Files));

        Assert.True(
            sample.Lines.SequenceEqual(findings.Select(static f => f.Line)),
            $"{sample.Rule} on {sample.Files[0].Path}, expected lines [{string.Join(", ", sample.Lines)}], found:\n"
            + string.Join('\n', findings));
    }

    [Fact]
    public void Every_rule_has_a_sample_and_every_sample_a_rule() =>
        Assert.Equal(
            TidyCheck.Rules.Select(static r => r.Name).Order(),
            RuleSamples.All.Select(static s => s.Rule).Distinct().Order());

    [Theory]
    [InlineData("// tidy: allow line-length - a table that must not be broken\n")]
    [InlineData("# tidy: allow line-length - a table that must not be broken\n")]
    [InlineData("<!-- tidy: allow line-length - a table that must not be broken -->\n")]
    public void Allowance_excepts_its_own_file_and_rule(string comment)
    {
        var wide = new string('/', 200) + "\n";
        var tree = SourceTree.Of([("src/A/A.cs", comment + wide), ("src/A/B.cs", wide)]);

        var findings = TidyCheck.Run(RuleNamed("line-length"), tree);

        Assert.Equal("src/A/B.cs", Assert.Single(findings).Path);
        Assert.Empty(TidyCheck.CheckAllowances(tree));
    }

    [Theory]
    [InlineData("// tidy: allow line-width - a table that must not be broken\n", "no rule is called 'line-width'")]
    [InlineData("// tidy: allow line-length\n", "say why")]
    [InlineData("// tidy: allow line-length - x\n", "say why")]
    [InlineData("// tidy: allow file-length - a table that must not be broken\n", "take the allowance out")]
    public void Bad_allowance_is_a_finding(string comment, string message)
    {
        var tree = SourceTree.Of([("src/A/A.cs", comment + new string('/', 200) + "\n")]);

        Assert.Contains(message, Assert.Single(TidyCheck.CheckAllowances(tree)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Allowance_inside_a_string_is_none()
    {
        var text = "var a = \"// tidy: allow line-length - not a comment line\";\n" + new string('/', 200) + "\n";

        Assert.Single(TidyCheck.Run(RuleNamed("line-length"), SourceTree.Of([("src/A/A.cs", text)])));
    }

    private static TidyRule RuleNamed(string name) => TidyCheck.Rules.Single(r => r.Name == name);
}
