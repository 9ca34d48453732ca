namespace NexusD.Tidy.Tests.Rules;

/// <summary>No trailing blanks or carriage returns, one line break at the end: diffs show only what changed.</summary>
internal sealed class WhitespaceRule : FileRule
{
    public override string Name => "whitespace";

    // Visual Studio owns the layout of solution files; patches and test vectors may need their blanks.
    public override bool AppliesTo(TrackedFile file) =>
        IsSource(file) || file.Extension is ".md" or ".props" or ".targets" or ".csproj" or ".yml" or ".yaml";

    public override IEnumerable<Finding> Check(TrackedFile file)
    {
        if (file.Text.Length == 0)
        {
            yield break;
        }

        for (var i = 0; i < file.Lines.Count; i++)
        {
            if (file.Lines[i].Length > 0 && char.IsWhiteSpace(file.Lines[i][^1]))
            {
                yield return file.At(i + 1, "blanks or a carriage return at the end of the line");
            }
        }

        if (!file.Text.EndsWith('\n') || file.Text.EndsWith("\n\n", StringComparison.Ordinal))
        {
            yield return file.At(file.Lines.Count, "the file must end with exactly one line break");
        }
    }
}
