namespace NexusD.Tidy.Tests.Rules;

/// <summary>A folder says what its files are about; these names take in everything and say nothing.</summary>
internal sealed class FolderNameRule : TidyRule
{
    private static readonly HashSet<string> Buckets = new(StringComparer.OrdinalIgnoreCase)
    {
        "Util", "Utils", "Utilities", "Helper", "Helpers", "Common", "Core", "Infrastructure", "Manager", "Managers",
        "Misc", "Shared",
    };

    public override string Name => "folder-name";

    public override IEnumerable<Finding> Check(SourceTree tree) =>
        from file in tree.Files
        let bucket = file.Path.Split('/')[..^1].SelectMany(static s => s.Split('.')).FirstOrDefault(Buckets.Contains)
        where bucket is not null
        select file.At(0, $"lies in a folder called '{bucket}'; name it after what is in it");
}
