using System.Buffers;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging;

namespace NexusD.Daemon.Logging;

/// <summary>
/// Writes log lines to a descriptor (standard error), as text or JSON. Never waits for a reader that is stuck: a line
/// that
/// would have to wait is dropped and counted, because the data loop logs too.
/// </summary>
internal sealed unsafe class LogWriter
{
    /// <summary>
    /// A pipe that polls as writable takes so many bytes without waiting (PIPE_BUF, pipe(7)); longer lines are cut.
    /// </summary>
    private const int MaxLineBytes = 4096;

    private const short Writable = 4;
    private const int CutTextLength = 3000;

    private readonly Lock _lock = new();
    private readonly ArrayBufferWriter<byte> _line = new(MaxLineBytes);
    private readonly int _descriptor;
    private readonly bool _json;
    private readonly TimeProvider _time;
    private long _dropped;
    private long _droppedTold;

    /// <param name="descriptor">Where to: 2 is standard error.</param>
    /// <param name="json">One JSON object a line instead of text.</param>
    /// <param name="time">Wall clock.</param>
    public LogWriter(int descriptor, bool json, TimeProvider time) =>
        (_descriptor, _json, _time) = (descriptor, json, time);

    /// <summary>Lines that were dropped because nobody read. Any thread.</summary>
    public long DroppedLines => Interlocked.Read(ref _dropped);

    /// <summary>The name of a level as the option has it.</summary>
    public static string NameOf(LogLevel level) => level switch
    {
        LogLevel.Trace => "TRACE",
        LogLevel.Debug => "DEBUG",
        LogLevel.Information => "INFO",
        LogLevel.Warning => "WARN",
        LogLevel.Error => "ERROR",
        _ => "FATAL",
    };

    /// <summary>Writes a line. Any thread.</summary>
    /// <param name="level">How bad it is.</param>
    /// <param name="source">Which part of the daemon speaks.</param>
    /// <param name="id">Number and name of the event.</param>
    /// <param name="message">The sentence for a person.</param>
    /// <param name="fields">Its parts for a machine, or null.</param>
    public void Write(
        LogLevel level,
        string source,
        EventId id,
        string message,
        IReadOnlyList<KeyValuePair<string, object?>>? fields)
    {
        lock (_lock)
        {
            long dropped = DroppedLines;
            if (dropped != _droppedTold)
            {
                string told = $"{dropped - _droppedTold} lines were dropped: nobody read them";
                _droppedTold = TryWriteLine(LogLevel.Warning, "log", default, told, null) ? dropped : _droppedTold;
            }

            if (!TryWriteLine(level, source, id, message, fields))
            {
                Interlocked.Increment(ref _dropped);
            }
        }
    }

    private bool TryWriteLine(
        LogLevel level,
        string source,
        EventId id,
        string message,
        IReadOnlyList<KeyValuePair<string, object?>>? fields)
    {
        string text = message.Length > CutTextLength ? message[..CutTextLength] : message;
        _line.Clear();
        if (_json)
        {
            AppendJson(level, source, id, text, fields);
            if (_line.WrittenCount >= MaxLineBytes)
            {
                _line.Clear();
                AppendJson(level, source, id, text.Length > 500 ? text[..500] : text, null);
            }
        }
        else
        {
            AppendText(level, source, id, text);
        }

        ReadOnlySpan<byte> bytes = _line.WrittenSpan;
        return TryPut(bytes.Length < MaxLineBytes ? bytes : bytes[..(MaxLineBytes - 1)]);
    }

    private void AppendText(LogLevel level, string source, EventId id, string message)
    {
        string time = _time.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
        string number = id.Id == 0 ? string.Empty : $" [{id.Id.ToString(CultureInfo.InvariantCulture)}]";
        // A text may hold what a peer sent: it must not be able to forge lines.
        string line = $"{time} {NameOf(level),-5} {source}: {message}{number}".ReplaceLineEndings(" ");
        Encoding.UTF8.GetBytes(line, _line);
    }

    private void AppendJson(
        LogLevel level,
        string source,
        EventId id,
        string message,
        IReadOnlyList<KeyValuePair<string, object?>>? fields)
    {
        using var json = new Utf8JsonWriter(_line);
        json.WriteStartObject();
        json.WriteString("time", _time.GetUtcNow().UtcDateTime);
        json.WriteString("level", NameOf(level));
        json.WriteString("source", source);
        if (id.Id != 0)
        {
            json.WriteNumber("event", id.Id);
            json.WriteString("name", id.Name);
        }

        json.WriteString("message", message);
        foreach ((string key, object? value) in fields ?? [])
        {
            if (key != "{OriginalFormat}")
            {
                WriteField(json, JsonNamingPolicy.SnakeCaseLower.ConvertName(key), value);
            }
        }

        json.WriteEndObject();
        json.Flush();
    }

    private static void WriteField(Utf8JsonWriter json, string key, object? value)
    {
        switch (value)
        {
            case int number:
                json.WriteNumber(key, number);
                break;
            case long number:
                json.WriteNumber(key, number);
                break;
            case double number when double.IsFinite(number):
                json.WriteNumber(key, number);
                break;
            case bool flag:
                json.WriteBoolean(key, flag);
                break;
            default:
                json.WriteString(key, Convert.ToString(value, CultureInfo.InvariantCulture));
                break;
        }
    }

    private bool TryPut(ReadOnlySpan<byte> line)
    {
        Span<byte> whole = stackalloc byte[MaxLineBytes];
        line.CopyTo(whole);
        whole[line.Length] = (byte)'\n';
        var waiting = new PollEntry { Descriptor = _descriptor, Events = Writable };
        if (poll(&waiting, 1, 0) <= 0 || (waiting.Ready & Writable) == 0)
        {
            return false;
        }

        fixed (byte* bytes = whole)
        {
            return write(_descriptor, bytes, (nuint)(line.Length + 1)) >= 0;
        }
    }

    /// <summary>struct pollfd (poll.h).</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct PollEntry
    {
        public int Descriptor;
        public short Events;
        public short Ready;
    }

    [DllImport("libc")]
    private static extern int poll(PollEntry* entries, nuint count, int timeoutMs);

    [DllImport("libc")]
    private static extern nint write(int descriptor, byte* bytes, nuint count);
}
