using System.Text.RegularExpressions;

namespace NexusD.Tidy.Tests.Rules;

/// <summary>
/// Which package registry is asked is the machine's business: naming one breaks builds behind a mirror or offline.
/// </summary>
internal sealed class RegistryHostRule : FileRule
{
    // Written in pieces, so that this file keeps its own rule.
    private static readonly string[][] Hosts =
    [
        ["nuget", "org"], ["pypi", "org"], ["pythonhosted", "org"], ["npmjs", "(org|com)"], ["yarnpkg", "com"],
        ["crates", "io"], ["proxy", "golang", "org"], ["sum", "golang", "org"], ["deb", "debian", "org"],
        ["security", "debian", "org"], ["archive", "ubuntu", "com"], ["registry-1", "docker", "io"],
    ];

    private static readonly Regex Host = new(
        $@"\b({string.Join('|', Hosts.Select(static parts => string.Join(@"\.", parts)))})\b",
        RegexOptions.IgnoreCase | RegexOptions.Compiled);

    public override string Name => "registry-host";

    // Lock files of package managers record where each package was found.
    public override bool AppliesTo(TrackedFile file) => file.Name is not ("package-lock.json" or "Cargo.lock");

    public override IEnumerable<Finding> Check(TrackedFile file)
    {
        for (var i = 0; i < file.Lines.Count; i++)
        {
            if (Host.Match(file.Lines[i]) is { Success: true } match)
            {
                yield return file.At(i + 1, $"names the registry '{match.Value}'; leave that to the machine's set-up");
            }
        }
    }
}
