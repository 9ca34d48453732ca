using System.Runtime.CompilerServices;
using System.Text;
using System.Text.RegularExpressions;
using NexusD.Daemon.Http;
using NexusD.Peering;

namespace NexusD.Daemon.Tests.Http;

public sealed partial class MetricsDocumentTests
{
    [Fact]
    public void The_document_names_every_metric_and_no_other()
    {
        string page = Encoding.UTF8.GetString(
            MetricsPage.Write(SampleNode.Make("test", SampleNode.Link("b", LinkState.Up))).Span);
        string[] served = [.. TypeLine().Matches(page).Select(m => m.Groups[1].Value).Order()];
        var rows = File.ReadAllLines(DocumentPath()).Where(l => l.StartsWith("| `nexusd_", StringComparison.Ordinal));
        var names = rows.SelectMany(r => Name().Matches(r.Split('|')[1])).Select(m => m.Groups[1].Value);
        string[] named = [.. names.Order()];
        Assert.Equal(served, named);
    }

    private static string DocumentPath([CallerFilePath] string here = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "../../../docs/METRICS.md"));

    [GeneratedRegex("^# TYPE (nexusd_[a-z_]+) ", RegexOptions.Multiline)]
    private static partial Regex TypeLine();

    [GeneratedRegex("`(nexusd_[a-z_]+)`")]
    private static partial Regex Name();
}
