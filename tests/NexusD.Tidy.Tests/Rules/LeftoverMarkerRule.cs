// tidy: allow leftover-marker - the markers themselves
using System.Text.RegularExpressions;

namespace NexusD.Tidy.Tests.Rules;

/// <summary>Nothing unfinished is left in the tree: it is done now or it is an entry in the tracker.</summary>
internal sealed partial class LeftoverMarkerRule : FileRule
{
    public override string Name => "leftover-marker";

    public override bool AppliesTo(TrackedFile file) => true;

    public override IEnumerable<Finding> Check(TrackedFile file)
    {
        for (var i = 0; i < file.Lines.Count; i++)
        {
            if (Marker().Match(file.Lines[i]) is { Success: true } match)
            {
                yield return file.At(i + 1, $"'{match.Value}' left behind");
            }
        }
    }

    [GeneratedRegex(@"\b(TODO|FIXME|HACK|XXX)\b")]
    private static partial Regex Marker();
}
