namespace NexusD.Tidy.Tests;

/// <summary>The repository keeps every rule.</summary>
public sealed class RepositoryTests
{
    private const int FindingsShown = 60;

    public static TheoryData<string> RuleNames => new(TidyCheck.Rules.Select(static r => r.Name));

    [Theory]
    [MemberData(nameof(RuleNames))]
    public void Repository_keeps_the_rule(string name)
    {
        var rule = TidyCheck.Rules.Single(r => r.Name == name);

        AssertNone(name, TidyCheck.Run(rule, SourceTree.Repository));
    }

    [Fact]
    public void Allowances_in_the_repository_are_needed_and_explained() =>
        AssertNone(TidyCheck.AllowanceRule, TidyCheck.CheckAllowances(SourceTree.Repository));

    private static void AssertNone(string rule, IReadOnlyList<Finding> findings) =>
        Assert.True(
            findings.Count == 0,
            $"{findings.Count} x {rule} (an exception is a comment line 'tidy: allow {rule} - <reason>' in the file):\n"
            + string.Join('\n', findings.Take(FindingsShown)));
}
