using System.Globalization;
using System.Text.RegularExpressions;

namespace NexusD.EndToEnd.Tests.Harness;

/// <summary>The samples of a metrics page.</summary>
internal sealed partial class MetricsText
{
    private readonly List<(string Name, string Labels, double Value)> _samples = [];

    private MetricsText(string text)
    {
        foreach (Match match in Sample().Matches(text))
        {
            _samples.Add((
                match.Groups[1].Value,
                match.Groups[2].Value,
                double.Parse(match.Groups[3].Value, CultureInfo.InvariantCulture)));
        }
    }

    public static async Task<MetricsText> FromAsync(DaemonProcess daemon)
    {
        using var http = new HttpClient();
        return new MetricsText(await http.GetStringAsync($"http://127.0.0.1:{daemon.MetricsPort}/metrics"));
    }

    /// <summary>Sum over the samples of a metric whose labels contain all of some texts.</summary>
    public long Sum(string name, params string[] labels) =>
        (long)_samples.Where(s => s.Name == name && labels.All(s.Labels.Contains)).Sum(s => s.Value);

    [GeneratedRegex(@"^(\w+)(?:\{(.*)\})? (\S+)$", RegexOptions.Multiline)]
    private static partial Regex Sample();
}
