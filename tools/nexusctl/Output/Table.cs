using System.Text;

namespace Nexusctl.Output;

/// <summary>Rows in aligned columns, numbers to the right.</summary>
internal static class Table
{
    internal static string Format(IReadOnlyList<string> header, IReadOnlyList<IReadOnlyList<string>> rows)
    {
        var widths = header.Select((h, c) => rows.Select(r => r[c].Length).Append(h.Length).Max()).ToArray();
        var right = header.Select((_, c) => rows.Count > 0 && rows.All(r => IsNumber(r[c]))).ToArray();
        var text = new StringBuilder();
        foreach (var row in rows.Prepend(header))
        {
            var line = new StringBuilder();
            for (var c = 0; c < row.Count; c++)
            {
                line.Append(c > 0 ? "  " : string.Empty);
                line.Append(right[c] ? row[c].PadLeft(widths[c]) : row[c].PadRight(widths[c]));
            }

            text.Append(line.ToString().TrimEnd()).Append('\n');
        }

        return text.ToString();
    }

    private static bool IsNumber(string text) =>
        text.Length > 0 && text.All(c => char.IsAsciiDigit(c) || c is '.' or ',' or '-' or '%');
}
