using NexusD.Tidy.Tests.Rules;

namespace NexusD.Tidy.Tests;

/// <summary>All rules, and how allowances in the files are applied to their findings.</summary>
internal static class TidyCheck
{
    /// <summary>The rule about the allowances themselves; it cannot be allowed away.</summary>
    public const string AllowanceRule = "allowance";

    private const int ReasonMinChars = 10;

    public static IReadOnlyList<TidyRule> Rules { get; } =
    [
        new FileLengthRule(),
        new MethodLengthRule(),
        new LineLengthRule(),
        new WhitespaceRule(),
        new LeftoverMarkerRule(),
        new BlockingCallRule(),
        new MachinePathRule(),
        new RegistryHostRule(),
        new FolderNameRule(),
        new NamespaceRule(),
        new LogEventIdRule(),
        new DocumentPathRule(),
        new RequiredFileRule(),
        new ProjectReferenceRule(),
        new ProjectFileRule(),
    ];

    /// <summary>What breaks <paramref name="rule"/> and is not excepted in its own file.</summary>
    public static IReadOnlyList<Finding> Run(TidyRule rule, SourceTree tree)
    {
        var excepted = tree.Files
            .Where(f => f.Allowances().Any(a => a.Rule == rule.Name))
            .Select(static f => f.Path)
            .ToHashSet(StringComparer.Ordinal);
        return [.. rule.Check(tree).Where(f => !excepted.Contains(f.Path))];
    }

    /// <summary>Allowances that name no rule, give no reason, or except nothing any more.</summary>
    public static IReadOnlyList<Finding> CheckAllowances(SourceTree tree)
    {
        var broken = Rules.ToDictionary(
            static r => r.Name,
            r => r.Check(tree).Select(static f => f.Path).ToHashSet(StringComparer.Ordinal));
        var findings = new List<Finding>();
        foreach (var file in tree.Files)
        {
            foreach (var (rule, line, reason) in file.Allowances())
            {
                if (!broken.TryGetValue(rule, out var paths))
                {
                    var names = string.Join(", ", broken.Keys);
                    findings.Add(file.At(line, $"no rule is called '{rule}'; there are: {names}"));
                }
                else if (!reason.StartsWith("- ", StringComparison.Ordinal) || reason.Length < ReasonMinChars)
                {
                    findings.Add(file.At(line, $"say why: 'tidy: allow {rule} - <reason>'"));
                }
                else if (!paths.Contains(file.Path))
                {
                    findings.Add(file.At(line, $"this file keeps '{rule}'; take the allowance out"));
                }
            }
        }

        return findings;
    }
}
