using System.Globalization;

namespace NexusdBench.History;

/// <summary>The fields of a line, one after the other.</summary>
internal sealed class HistoryFields(string line)
{
    private int _at;

    internal string Word()
    {
        var end = line.IndexOf(' ', Math.Min(_at, line.Length));
        end = end < 0 ? line.Length : end;
        if (_at >= end)
        {
            throw new FormatException("a field is missing");
        }

        var word = line[_at..end];
        _at = end + 1;
        return word;
    }

    internal long Whole() => long.Parse(Word(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);

    internal ulong Id() => ulong.Parse(Word(), NumberStyles.None, CultureInfo.InvariantCulture);

    internal bool Truth() => bool.Parse(Word());

    /// <summary>What is left of the line.</summary>
    internal string Rest() => _at >= line.Length ? string.Empty : line[_at..];
}
