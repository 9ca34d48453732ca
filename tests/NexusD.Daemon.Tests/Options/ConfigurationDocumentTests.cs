using System.Runtime.CompilerServices;
using NexusD.Daemon.Options;

namespace NexusD.Daemon.Tests.Options;

public sealed class ConfigurationDocumentTests
{
    [Fact]
    public void The_document_has_a_row_for_every_option_with_its_default_and_aliases_and_no_row_more()
    {
        string[] lines = File.ReadAllLines(DocumentPath());
        string[] rows = [.. lines.Where(l => l.StartsWith("| `--", StringComparison.Ordinal))];
        foreach (OptionDefinition option in OptionTable.All)
        {
            string row = Assert.Single(rows, r => r.StartsWith($"| `--{option.Name}` |", StringComparison.Ordinal));
            if (option.Default.Length > 0 && option.Group != OptionGroup.Command)
            {
                Assert.Contains($"| `{option.Default}` |", row, StringComparison.Ordinal);
            }

            var aliases = option.Aliases.Where(a => a.Length > 1);
            Assert.All(aliases, a => Assert.Contains($"`--{a}`", row, StringComparison.Ordinal));
        }

        Assert.Equal(OptionTable.All.Count, rows.Length);
    }

    private static string DocumentPath([CallerFilePath] string here = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "../../../docs/CONFIGURATION.md"));
}
