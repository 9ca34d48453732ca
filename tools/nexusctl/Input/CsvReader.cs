namespace Nexusctl.Input;

/// <summary>
/// Reads comma-separated values (RFC 4180) record by record from a stream: quoted fields, doubled quotes, line breaks
/// within quotes, LF or CRLF, a byte-order mark at the start. Keeps one record in memory.
/// </summary>
internal sealed class CsvReader(Stream stream)
{
    private const int MaxRecordBytes = 64 << 20;

    private readonly byte[] _input = new byte[64 * 1024];
    private readonly List<int> _ends = [];
    private byte[] _record = new byte[4096];
    private int _recordBytes;
    private int _at;
    private int _end;
    private long _line = 1;
    private bool _started;

    internal long BytesRead { get; private set; }

    /// <summary>Number of the line that the record began in, from 1.</summary>
    internal long Line { get; private set; }

    internal int FieldCount => _ends.Count;

    internal ReadOnlySpan<byte> Field(int number) => FieldMemory(number).Span;

    internal ReadOnlyMemory<byte> FieldMemory(int number)
    {
        var start = number == 0 ? 0 : _ends[number - 1];
        return _record.AsMemory(start, _ends[number] - start);
    }

    /// <summary>Goes to the next record; empty lines are no records.</summary>
    /// <exception cref="InvalidDataException">
    /// A quote is not closed, or something stands behind a closed one.
    /// </exception>
    internal bool Read()
    {
        do
        {
            _ends.Clear();
            _recordBytes = 0;
            Line = _line;
            if (!ReadRecord())
            {
                return false;
            }
        }
        while (_ends.Count == 1 && _recordBytes == 0);

        return true;
    }

    private bool ReadRecord()
    {
        var next = Next();
        if (next < 0)
        {
            return false;
        }

        while (true)
        {
            next = next == '"' ? ReadQuoted() : ReadPlain(next);
            _ends.Add(_recordBytes);
            if (next != ',')
            {
                return true;
            }

            next = Next();
        }
    }

    /// <summary>Reads to the end of a field without quotes; returns what ended it: comma, line feed, or -1.</summary>
    private int ReadPlain(int next)
    {
        while (next >= 0 && next != ',' && next != '\n')
        {
            Keep((byte)next);
            next = Next();
        }

        if (next != ',' && _recordBytes > FieldStart() && _record[_recordBytes - 1] == '\r')
        {
            _recordBytes--;
        }

        return next;
    }

    private int ReadQuoted()
    {
        while (true)
        {
            var next = Next();
            if (next < 0)
            {
                throw new InvalidDataException($"line {Line}: a quote is opened and never closed.");
            }

            if (next != '"')
            {
                Keep((byte)next);
                continue;
            }

            next = Next();
            if (next == '"')
            {
                Keep((byte)'"');
                continue;
            }

            if (next == '\r')
            {
                next = Next();
            }

            if (next is < 0 or ',' or '\n')
            {
                return next;
            }

            SkipLine();
            throw new InvalidDataException(
                $"line {Line}: something stands behind a closing quote; double the quotes within a field.");
        }
    }

    private void SkipLine()
    {
        int next;
        do
        {
            next = Next();
        }
        while (next is >= 0 and not '\n');
    }

    private int FieldStart() => _ends.Count == 0 ? 0 : _ends[^1];

    private void Keep(byte value)
    {
        if (_recordBytes == _record.Length)
        {
            if (_recordBytes >= MaxRecordBytes)
            {
                throw new InvalidDataException(
                    $"line {Line}: the row has more than {MaxRecordBytes} bytes; is a quote not closed?");
            }

            Array.Resize(ref _record, _record.Length * 2);
        }

        _record[_recordBytes++] = value;
    }

    private int Next()
    {
        if (_at == _end && !Fill())
        {
            return -1;
        }

        var next = _input[_at++];
        _line += next == '\n' ? 1 : 0;
        return next;
    }

    private bool Fill()
    {
        _at = 0;
        _end = ReadInput(0);
        if (_started)
        {
            return _end > 0;
        }

        _started = true;
        var mark = "\uFEFF"u8;
        for (var got = _end; got > 0 && _end < mark.Length; _end += got)
        {
            got = ReadInput(_end);
        }

        _at = _input.AsSpan(0, _end).StartsWith(mark) ? mark.Length : 0;
        return _at < _end || (_end > 0 && Fill());
    }

    private int ReadInput(int at)
    {
        var got = stream.Read(_input, at, _input.Length - at);
        BytesRead += got;
        return got;
    }
}
