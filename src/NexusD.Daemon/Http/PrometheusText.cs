using System.Buffers;
using System.Globalization;
using System.Text;

namespace NexusD.Daemon.Http;

/// <summary>
/// Writes metrics in the Prometheus text exposition format, version 0.0.4: a HELP and a TYPE line, then the samples of
/// a
/// metric together.
/// </summary>
internal sealed class PrometheusText
{
    /// <summary>Media type of the page.</summary>
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    private readonly ArrayBufferWriter<byte> _page = new(16 * 1024);
    private string _metric = string.Empty;

    /// <summary>What was written so far.</summary>
    public ReadOnlyMemory<byte> Written => _page.WrittenMemory;

    /// <summary>Begins a metric that only grows. Its name ends in <c>_total</c>.</summary>
    public PrometheusText Counter(string name, string help) => Begin(name, "counter", help);

    /// <summary>Begins a metric that goes up and down.</summary>
    public PrometheusText Gauge(string name, string help) => Begin(name, "gauge", help);

    /// <summary>Adds a sample of the metric that was begun last.</summary>
    /// <param name="value">The sample.</param>
    /// <param name="labels">Names and values of its labels.</param>
    public PrometheusText Sample(double value, params ReadOnlySpan<(string Name, string Value)> labels)
    {
        Append(_metric);
        for (int i = 0; i < labels.Length; i++)
        {
            Append(i == 0 ? "{" : ",");
            Append(labels[i].Name);
            Append("=\"");
            Append(Escape(labels[i].Value));
            Append("\"");
        }

        Append(labels.Length > 0 ? "} " : " ");
        Append(value.ToString("R", CultureInfo.InvariantCulture));
        Append("\n");
        return this;
    }

    private PrometheusText Begin(string name, string type, string help)
    {
        _metric = name;
        Append($"# HELP {name} {help}\n# TYPE {name} {type}\n");
        return this;
    }

    private static string Escape(string value) =>
        value.AsSpan().IndexOfAny('\\', '"', '\n') < 0
            ? value
            : value.Replace("\\", "\\\\", StringComparison.Ordinal)
                .Replace("\"", "\\\"", StringComparison.Ordinal)
                .Replace("\n", "\\n", StringComparison.Ordinal);

    private void Append(string text) => Encoding.UTF8.GetBytes(text, _page);
}
