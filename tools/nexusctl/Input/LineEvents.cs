namespace Nexusctl.Input;

/// <summary>Each line of a stream is an event; the line end (LF or CRLF) does not belong to it.</summary>
internal sealed class LineEvents(Stream stream, string topic) : IEventSource
{
    // A line is a payload, and payloads have a limit; this one is well above the daemon's.
    private const int MaxLineBytes = 64 << 20;

    private byte[] _buffer = new byte[64 * 1024];
    private int _start;
    private int _end;
    private bool _ended;

    public long TotalBytes { get; } = InputFile.LengthOf(stream);

    public long BytesRead { get; private set; }

    public long Skipped => 0;

    public bool TryRead(out string eventTopic, out ReadOnlyMemory<byte> payload)
    {
        eventTopic = topic;
        payload = default;
        var searched = 0;
        while (true)
        {
            var held = _buffer.AsSpan(_start.._end);
            var end = held[searched..].IndexOf((byte)'\n');
            if (end >= 0)
            {
                payload = _buffer.AsMemory(_start, WithoutReturn(held[..(searched + end)]));
                _start += searched + end + 1;
                return true;
            }

            searched = held.Length;
            if (!_ended && Fill())
            {
                continue;
            }

            _ended = true;
            payload = _buffer.AsMemory(_start, WithoutReturn(held));
            _start = _end;
            return held.Length > 0;
        }
    }

    public ValueTask DisposeAsync() => stream.DisposeAsync();

    private static int WithoutReturn(ReadOnlySpan<byte> line) =>
        line.Length > 0 && line[^1] == '\r' ? line.Length - 1 : line.Length;

    private bool Fill()
    {
        _buffer.AsSpan(_start.._end).CopyTo(_buffer);
        _end -= _start;
        _start = 0;
        if (_end == _buffer.Length)
        {
            if (_buffer.Length >= MaxLineBytes)
            {
                throw new IOException($"a line has more than {MaxLineBytes} bytes; is the input made of lines?");
            }

            Array.Resize(ref _buffer, _buffer.Length * 2);
        }

        var got = stream.Read(_buffer, _end, _buffer.Length - _end);
        _end += got;
        BytesRead += got;
        return got > 0;
    }
}
