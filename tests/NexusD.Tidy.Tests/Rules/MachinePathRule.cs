using System.Text.RegularExpressions;

namespace NexusD.Tidy.Tests.Rules;

/// <summary>Nothing depends on where somebody's checkout, home or scratch folder is.</summary>
internal sealed partial class MachinePathRule : FileRule
{
    public override string Name => "machine-path";

    public override bool AppliesTo(TrackedFile file) => true;

    public override IEnumerable<Finding> Check(TrackedFile file)
    {
        // In prose the scratch folder is an example.
        var pattern = file.Extension == ".md" ? HomePath() : MachinePath();
        for (var i = 0; i < file.Lines.Count; i++)
        {
            if (pattern.Match(file.Lines[i]) is { Success: true } match)
            {
                yield return file.At(
                    i + 1, $"'{match.Value}' is a path of one machine; use a temporary or relative one");
            }
        }
    }

    // After a word, a dot or a closing brace it is the middle of a relative path or of a topic.
    [GeneratedRegex(@"(?<![\w.}*+#-])/(work|root|home|Users|tmp)/[\w.]")]
    private static partial Regex MachinePath();

    [GeneratedRegex(@"(?<![\w.}*+#-])/(work|root|home|Users)/[\w.]")]
    private static partial Regex HomePath();
}
