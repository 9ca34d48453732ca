namespace NexusD.Tidy.Tests;

/// <summary>A rule that looks at one file at a time.</summary>
internal abstract class FileRule : TidyRule
{
    public abstract bool AppliesTo(TrackedFile file);

    public abstract IEnumerable<Finding> Check(TrackedFile file);

    public sealed override IEnumerable<Finding> Check(SourceTree tree) =>
        tree.Files.Where(AppliesTo).SelectMany(Check);

    /// <summary>Languages the project is written in; data and prose have no limits.</summary>
    protected static bool IsSource(TrackedFile file) =>
        file.Extension is ".cs" or ".sh" or ".py" or ".go" or ".rs" or ".ts" or ".js" or ".mjs";
}
