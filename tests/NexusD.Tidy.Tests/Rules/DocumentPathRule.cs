using System.Text.RegularExpressions;

namespace NexusD.Tidy.Tests.Rules;

/// <summary>
/// Every path that the guiding documents name in backticks exists, so they cannot drift from the tree. A path may be
/// shortened from the left at a folder or a dot: `Peering/PeerLink.cs` stands for src/NexusD.Peering/PeerLink.cs.
/// </summary>
internal sealed partial class DocumentPathRule : TidyRule
{
    private static readonly string[] Documents = ["docs/ARCHITECTURE.md", "README.md", "CONTRIBUTING.md"];

    private static readonly string[] TopFolders =
        ["src", "bench", "tests", "tools", "deploy", "docs", ".ci", ".githooks"];

    private static readonly string[] FileEndings =
        [".cs", ".md", ".sh", ".csproj", ".props", ".targets", ".sln", ".aot", ".py", ".go", ".rs", ".ts"];

    public override string Name => "document-path";

    public override IEnumerable<Finding> Check(SourceTree tree)
    {
        foreach (var file in tree.Files.Where(static f => Documents.Contains(f.Path)))
        {
            for (var i = 0; i < file.Lines.Count; i++)
            {
                foreach (Match match in Quoted().Matches(file.Lines[i]))
                {
                    var path = match.Groups["path"].Value;
                    if (LooksLikePath(path) && !Exists(tree, path))
                    {
                        yield return file.At(i + 1, $"`{path}` does not exist");
                    }
                }
            }
        }
    }

    // Topics and addresses have slashes too: a path starts with a top-level folder or ends like a source file.
    private static bool LooksLikePath(string text) =>
        TopFolders.Contains(text.Split('/')[0]) && text.Contains('/', StringComparison.Ordinal)
        || FileEndings.Any(e => text.EndsWith(e, StringComparison.Ordinal));

    private static bool Exists(SourceTree tree, string path) =>
        tree.HasFile(path) || tree.HasFolder(path)
        || tree.Files.Any(f => f.Path.EndsWith(path, StringComparison.Ordinal)
            && f.Path[f.Path.Length - path.Length - 1] is '/' or '.');

    [GeneratedRegex(@"`(?<path>[\w.][\w./-]*)`")]
    private static partial Regex Quoted();
}
