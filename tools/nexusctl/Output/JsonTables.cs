using System.Text;
using System.Text.Json;

namespace Nexusctl.Output;

/// <summary>
/// Shows the JSON that a daemon answers to people. It knows which columns are worth a look, not every field there is,
/// so a newer daemon's answer is shown as well.
/// </summary>
internal static class JsonTables
{
    /// <summary>A list of objects as a table.</summary>
    /// <param name="json">An array of objects; a last entry <c>{"truncated":true}</c> says that it was cut.</param>
    /// <param name="columns">Fields to show, in order; those that no entry has are left out.</param>
    /// <param name="nothing">Text for an empty list.</param>
    internal static string List(string json, IReadOnlyList<string> columns, string nothing)
    {
        using var document = JsonDocument.Parse(json);
        var entries = new List<JsonElement>();
        var cut = false;
        foreach (var entry in document.RootElement.EnumerateArray())
        {
            if (entry.TryGetProperty("truncated", out _))
            {
                cut = true;
            }
            else
            {
                entries.Add(entry);
            }
        }

        if (entries.Count == 0)
        {
            return nothing + "\n";
        }

        var shown = columns.Where(c => entries.Any(e => e.TryGetProperty(c, out _))).ToArray();
        var header = shown.Select(c => c.Replace('_', ' ').ToUpperInvariant()).ToArray();
        var rows = entries
            .Select(IReadOnlyList<string> (e) => [.. shown.Select(c => e.TryGetProperty(c, out var v) ? Cell(v) : "-")])
            .ToList();
        return Table.Format(header, rows) + (cut ? $"(only the first {entries.Count} are shown)\n" : string.Empty);
    }

    /// <summary>An object as lines of name and value, inner objects indented.</summary>
    internal static string Tree(string json)
    {
        using var document = JsonDocument.Parse(json);
        var text = new StringBuilder();
        Tree(text, document.RootElement, 0);
        return text.ToString();
    }

    private static void Tree(StringBuilder text, JsonElement element, int depth)
    {
        var properties = element.EnumerateObject().ToList();
        var width = properties.Select(p => p.Name.Length).DefaultIfEmpty().Max();
        foreach (var property in properties)
        {
            text.Append(' ', depth * 2).Append(property.Name.Replace('_', ' '));
            var isObject = property.Value.ValueKind == JsonValueKind.Object;
            if (isObject && property.Value.EnumerateObject().Any())
            {
                text.Append('\n');
                Tree(text, property.Value, depth + 1);
                continue;
            }

            text.Append(' ', width - property.Name.Length + 2).Append(Cell(property.Value)).Append('\n');
        }
    }

    private static string Cell(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString() is { Length: > 0 } text ? text : "-",
        JsonValueKind.Number => value.GetRawText(),
        JsonValueKind.True => "yes",
        JsonValueKind.False => "no",
        JsonValueKind.Null => "-",
        JsonValueKind.Array => value.GetArrayLength() == 0
            ? "-"
            : string.Join(", ", value.EnumerateArray().Select(Cell)),
        _ => value.EnumerateObject().Any()
            ? string.Join(", ", value.EnumerateObject().Select(p => $"{p.Name} {Cell(p.Value)}"))
            : "-",
    };
}
