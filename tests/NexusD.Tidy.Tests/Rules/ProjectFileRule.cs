namespace NexusD.Tidy.Tests.Rules;

/// <summary>
/// Every project is in NexusD.sln (what is not built there is not tested either), and package versions stand in
/// Directory.Packages.props alone.
/// </summary>
internal sealed class ProjectFileRule : TidyRule
{
    public override string Name => "project-file";

    public override IEnumerable<Finding> Check(SourceTree tree)
    {
        var solution = tree.Find("NexusD.sln")?.Text.Replace('\\', '/') ?? "";
        foreach (var file in tree.Files.Where(static f => f.Extension == ".csproj"))
        {
            if (!solution.Contains($"\"{file.Path}\"", StringComparison.Ordinal))
            {
                yield return file.At(0, $"is not in NexusD.sln: dotnet sln add {file.Path}");
            }

            foreach (var package in ProjectFile.Parse(file).PackagesWithVersion)
            {
                yield return file.At(0, $"gives {package} a version; that belongs in Directory.Packages.props");
            }
        }
    }
}
