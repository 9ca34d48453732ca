using System.Buffers;
using System.Buffers.Text;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Nexusctl.Arguments;

namespace Nexusctl.Input;

/// <summary>
/// Rows of a table as events: a JSON object for each row, or an event for each cell of chosen columns.
/// </summary>
internal sealed class CsvEvents : IEventSource
{
    private const int ToldRows = 10;
    private const string AllColumns = "all";
    private static readonly JsonWriterOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly Stream _stream;
    private readonly CsvReader _rows;
    private readonly string[] _header;
    private readonly TopicTemplate _topic;
    private readonly int[]? _columns;
    private readonly bool _numbersOnly;
    private readonly Action<string> _tell;
    private readonly ArrayBufferWriter<byte> _object = new(1024);
    private readonly Utf8JsonWriter _json;
    private int _nextColumn;

    private CsvEvents(
        Stream stream, CsvReader rows, string[] header, TopicTemplate topic, int[]? columns, bool numbersOnly,
        Action<string> tell)
    {
        _stream = stream;
        _rows = rows;
        _header = header;
        _topic = topic;
        _columns = columns;
        _numbersOnly = numbersOnly;
        _tell = tell;
        _nextColumn = columns?.Length ?? 0;
        _json = new Utf8JsonWriter(_object, Relaxed);
    }

    public long TotalBytes => InputFile.LengthOf(_stream);

    public long BytesRead => _rows.BytesRead;

    public long Skipped { get; private set; }

    /// <param name="stream">The table.</param>
    /// <param name="topic">Topic template.</param>
    /// <param name="columns">Names with commas between, <c>all</c>, or null for a JSON object of each row.</param>
    /// <param name="tell">Told about rows that are left out.</param>
    internal static CsvEvents Open(Stream stream, string topic, string? columns, Action<string> tell)
    {
        var rows = new CsvReader(stream);
        if (!rows.Read())
        {
            throw new UsageException("the table is empty; its first line must name the columns.");
        }

        var header = Enumerable.Range(0, rows.FieldCount).Select(f => Encoding.UTF8.GetString(rows.Field(f))).ToArray();
        var template = TopicTemplate.Parse(topic, header, byCell: columns is not null);
        var chosen = columns is null ? null : Choose(columns, header, template);
        if (chosen is { Length: > 1 } && !template.NamesColumn)
        {
            throw new UsageException(
                $"with several columns the topic must say which one an event is of: --topic '{topic}/{{column}}'.");
        }

        return new CsvEvents(stream, rows, header, template, chosen, columns == AllColumns, tell);
    }

    internal static int ColumnNumber(string name, IReadOnlyList<string> header, string where)
    {
        for (var i = 0; i < header.Count; i++)
        {
            if (header[i] == name)
            {
                return i;
            }
        }

        var near = Nearest.Find(name, header);
        throw new UsageException(
            $"{where} names the column '{name}', which the table does not have."
            + (near is null ? string.Empty : $" Did you mean '{near}'?")
            + $"\nColumns: {string.Join(", ", header)}.");
    }

    public bool TryRead(out string topic, out ReadOnlyMemory<byte> payload)
    {
        while (true)
        {
            if (TryReadCell(out topic, out payload))
            {
                return true;
            }

            try
            {
                if (!_rows.Read())
                {
                    return false;
                }

                CheckFields();
                if (_columns is null)
                {
                    topic = _topic.Fill(_rows, _header, -1);
                    payload = RowAsJson();
                    return true;
                }

                // Fails here, before the first cell is published, when the topic of the row cannot be made.
                _topic.Fill(_rows, _header, _columns[0]);
                _nextColumn = 0;
            }
            catch (InvalidDataException e)
            {
                Skip(e.Message);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _json.DisposeAsync();
        await _stream.DisposeAsync();
    }

    private bool TryReadCell(out string topic, out ReadOnlyMemory<byte> payload)
    {
        while (_columns is not null && _nextColumn < _columns.Length)
        {
            var column = _columns[_nextColumn++];
            payload = _rows.FieldMemory(column);
            if (!payload.IsEmpty && (!_numbersOnly || IsNumber(payload.Span)))
            {
                topic = _topic.Fill(_rows, _header, column);
                return true;
            }
        }

        topic = string.Empty;
        payload = default;
        return false;
    }

    private static int[] Choose(string columns, string[] header, TopicTemplate template) => columns == AllColumns
        ? [.. Enumerable.Range(0, header.Length).Where(c => !template.Columns.Contains(c))]
        : [.. columns.Split(',', StringSplitOptions.TrimEntries).Select(c => ColumnNumber(c, header, "--columns"))];

    private void CheckFields()
    {
        if (_rows.FieldCount != _header.Length)
        {
            throw new InvalidDataException($"the row has {_rows.FieldCount} cells, the header names {_header.Length}.");
        }
    }

    private ReadOnlyMemory<byte> RowAsJson()
    {
        _object.ResetWrittenCount();
        _json.Reset();
        _json.WriteStartObject();
        for (var column = 0; column < _header.Length; column++)
        {
            var cell = _rows.Field(column);
            _json.WritePropertyName(_header[column]);
            if (cell.IsEmpty)
            {
                _json.WriteNullValue();
            }
            else if (IsNumber(cell))
            {
                _json.WriteRawValue(cell, skipInputValidation: true);
            }
            else
            {
                _json.WriteStringValue(cell);
            }
        }

        _json.WriteEndObject();
        _json.Flush();
        return _object.WrittenMemory;
    }

    /// <summary>Whether a cell is a number as JSON writes them, so that 007 and 1e999999 stay text.</summary>
    private static bool IsNumber(ReadOnlySpan<byte> cell)
    {
        var digits = cell[0] == '-' ? cell[1..] : cell;
        var startsWell = digits.Length > 0 && char.IsAsciiDigit((char)digits[0])
            && (digits.Length == 1 || digits[0] != '0' || !char.IsAsciiDigit((char)digits[1]));
        return startsWell
            && cell[^1] != '.'
            && Utf8Parser.TryParse(cell, out double value, out var used)
            && used == cell.Length
            && double.IsFinite(value);
    }

    private void Skip(string why)
    {
        if (++Skipped <= ToldRows)
        {
            var text = why.StartsWith("line ", StringComparison.Ordinal) ? why : $"line {_rows.Line}: {why}";
            _tell(text + " The row is left out.");
        }
        else if (Skipped == ToldRows + 1)
        {
            _tell("more rows are left out; they are counted only.");
        }
    }
}
