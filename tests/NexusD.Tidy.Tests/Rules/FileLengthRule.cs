namespace NexusD.Tidy.Tests.Rules;

/// <summary>A source file can be read in one sitting.</summary>
internal sealed class FileLengthRule : FileRule
{
    public const int MaxLines = 500;

    public override string Name => "file-length";

    public override bool AppliesTo(TrackedFile file) => IsSource(file);

    public override IEnumerable<Finding> Check(TrackedFile file)
    {
        if (file.Lines.Count > MaxLines)
        {
            yield return file.At(0, $"{file.Lines.Count} lines, at most {MaxLines}: split it by what its parts do");
        }
    }
}
