namespace NexusD.Tidy.Tests.Rules;

/// <summary>
/// Who may see whom. The way of an event shows in these arrows: the two edges (Sessions, Peering) never see each other,
/// the router sees neither, and only the daemon sees all.
/// </summary>
internal sealed class ProjectReferenceRule : TidyRule
{
    private const string Client = "clients/dotnet";

    private static readonly Dictionary<string, string[]> Allowed = new(StringComparer.Ordinal)
    {
        ["NexusD.Buffers"] = [],
        ["NexusD.Loops"] = [],
        ["NexusD.Protocol"] = [],
        ["NexusD.Routing"] = ["NexusD.Buffers", "NexusD.Protocol"],
        ["NexusD.Quic"] = ["NexusD.Buffers", "NexusD.Loops"],
        ["NexusD.Transport"] = ["NexusD.Buffers", "NexusD.Loops"],
        ["NexusD.Sessions"] =
            ["NexusD.Buffers", "NexusD.Loops", "NexusD.Protocol", "NexusD.Routing", "NexusD.Transport"],
        ["NexusD.Peering"] =
            ["NexusD.Buffers", "NexusD.Loops", "NexusD.Protocol", "NexusD.Routing", "NexusD.Quic"],
        ["NexusD.Discovery"] = ["NexusD.Protocol"],
        [Client] = ["NexusD.Protocol"],
        ["nexusctl"] = [Client],
        ["nexusd-bench"] = [Client],
        ["aggregator"] = [Client],
    };

    // Bytes, buffers, the loop and the router are ours alone.
    private static readonly HashSet<string> WithoutPackages =
        ["NexusD.Buffers", "NexusD.Loops", "NexusD.Protocol", "NexusD.Routing", "NexusD.Quic", "NexusD.Transport"];

    public override string Name => "project-reference";

    public override IEnumerable<Finding> Check(SourceTree tree)
    {
        foreach (var file in tree.Files.Where(static f => f.Extension == ".csproj" && f.IsProduction))
        {
            var project = ProjectFile.Parse(file);
            var name = NodeOf(file.Path);
            if (name == "NexusD.Daemon")
            {
                continue;
            }

            if (!Allowed.TryGetValue(name, out var allowed))
            {
                yield return file.At(
                    0, $"{name} is not in the table of who may see whom ({nameof(ProjectReferenceRule)})");
                continue;
            }

            var targets = project.ProjectReferences.Select(NodeOf);
            foreach (var target in targets.Where(t => !allowed.Contains(t) && t != name))
            {
                yield return file.At(0, $"{name} must not see {target}; it may see: {string.Join(", ", allowed)}");
            }

            if (WithoutPackages.Contains(name) && project.PackageReferences.Count > 0)
            {
                yield return file.At(
                    0, $"{name} may use no package, not {string.Join(", ", project.PackageReferences)}");
            }
        }
    }

    /// <summary>The project's name, or the language client it is part of.</summary>
    private static string NodeOf(string projectPath) =>
        projectPath.Contains("/clients/dotnet/", StringComparison.Ordinal)
            ? Client
            : Path.GetFileNameWithoutExtension(projectPath.Replace('\\', '/'));
}
