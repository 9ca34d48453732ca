using System.Globalization;

namespace NexusD.Tidy.Tests.Rules;

/// <summary>Two files fit side by side.</summary>
internal sealed class LineLengthRule : FileRule
{
    public const int MaxColumns = 120;

    public override string Name => "line-length";

    public override bool AppliesTo(TrackedFile file) => IsSource(file);

    public override IEnumerable<Finding> Check(TrackedFile file)
    {
        for (var i = 0; i < file.Lines.Count; i++)
        {
            // Characters as a reader sees them; a line may hold more chars than MaxColumns and still be short.
            var line = file.Lines[i];
            if (line.Length > MaxColumns && new StringInfo(line).LengthInTextElements is var columns and > MaxColumns)
            {
                yield return file.At(i + 1, $"{columns} columns, at most {MaxColumns}");
            }
        }
    }
}
