using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace NexusD.Tidy.Tests.Rules;

/// <summary>The namespace is the project and the folder, so that a name tells where to look.</summary>
internal sealed class NamespaceRule : TidyRule
{
    public override string Name => "namespace";

    public override IEnumerable<Finding> Check(SourceTree tree)
    {
        var projects = tree.Files
            .Where(static f => f.Extension == ".csproj" && f.Name.StartsWith("NexusD.", StringComparison.Ordinal))
            .Select(static f => (Folder: f.Path[..^f.Name.Length], Name: f.Name[..^".csproj".Length]))
            .ToList();
        foreach (var file in tree.Files.Where(static f => f.IsCSharp))
        {
            var project = projects.Find(p => file.StartsWithAny(p.Folder));
            if (project.Name is null || DeclaredIn(file) is not { } declaration)
            {
                continue;
            }

            var folders = file.Path[project.Folder.Length..].Split('/')[..^1];
            var expected = string.Join('.', folders.Prepend(project.Name));
            if (declaration.Name.ToString() != expected)
            {
                yield return file.At(declaration, $"the namespace is {declaration.Name}; here it must be {expected}");
            }
        }
    }

    private static BaseNamespaceDeclarationSyntax? DeclaredIn(TrackedFile file) =>
        file.Syntax.DescendantNodes().OfType<BaseNamespaceDeclarationSyntax>().FirstOrDefault();
}
