using System.Text;
using Nexusctl.Arguments;

namespace Nexusctl.Input;

/// <summary>
/// A topic in which <c>{name}</c> stands for the cell of a column, and <c>{column}</c> for the column's name.
/// </summary>
internal sealed class TopicTemplate
{
    internal const string ColumnName = "column";

    private readonly List<(string? Text, int Column)> _parts = [];

    private TopicTemplate()
    {
    }

    /// <summary>Numbers of the columns that the topic names.</summary>
    internal HashSet<int> Columns { get; } = [];

    /// <summary>Whether the topic says which column an event is of.</summary>
    internal bool NamesColumn { get; private set; }

    /// <param name="text">The template.</param>
    /// <param name="columns">Names in the table's header.</param>
    /// <param name="byCell">Whether each cell is an event, so that <c>{column}</c> has a meaning.</param>
    internal static TopicTemplate Parse(string text, IReadOnlyList<string> columns, bool byCell)
    {
        var template = new TopicTemplate();
        var at = 0;
        while (at < text.Length)
        {
            var open = text.IndexOf('{', at);
            if (open < 0)
            {
                break;
            }

            var close = text.IndexOf('}', open);
            if (close < 0)
            {
                throw new UsageException($"the topic '{text}' opens a '{{' and never closes it.");
            }

            template._parts.Add((text[at..open], -1));
            template.AddColumn(text[(open + 1)..close], columns, byCell);
            at = close + 1;
        }

        template._parts.Add((text[at..], -1));
        return template;
    }

    /// <summary>The topic of a row.</summary>
    /// <exception cref="InvalidDataException">A cell that the topic needs is empty.</exception>
    internal string Fill(CsvReader row, IReadOnlyList<string> columns, int column)
    {
        var topic = new StringBuilder();
        foreach (var (text, number) in _parts)
        {
            if (text is not null)
            {
                topic.Append(text);
                continue;
            }

            if (number == columns.Count)
            {
                topic.Append(columns[column]);
                continue;
            }

            var cell = row.Field(number);
            if (cell.IsEmpty)
            {
                throw new InvalidDataException($"the topic needs '{columns[number]}', and that cell is empty.");
            }

            topic.Append(Encoding.UTF8.GetString(cell));
        }

        return topic.ToString();
    }

    private void AddColumn(string name, IReadOnlyList<string> columns, bool byCell)
    {
        if (byCell && name == ColumnName)
        {
            NamesColumn = true;
            _parts.Add((null, columns.Count));
            return;
        }

        var number = CsvEvents.ColumnNumber(name, columns, "the topic");
        Columns.Add(number);
        _parts.Add((null, number));
    }
}
