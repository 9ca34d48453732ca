using System.Buffers;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Unicode;
using NexusdClient;

namespace Nexusctl.Output;

/// <summary>Writes each event as a line: plain (<c>topic payload</c>) or as a JSON object.</summary>
internal sealed class EventLines : IDisposable
{
    private static readonly JsonWriterOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly StandardOutput _output;
    private readonly bool _asJson;
    private readonly ArrayBufferWriter<byte> _line = new(1024);
    private readonly Utf8JsonWriter _json;

    internal EventLines(StandardOutput output, bool asJson)
    {
        _output = output;
        _asJson = asJson;
        _json = new Utf8JsonWriter(_line, Relaxed);
    }

    internal void Write(in MessageView message)
    {
        if (_asJson)
        {
            WriteJson(in message);
        }
        else
        {
            _output.Write(message.TopicUtf8);
            _output.Write(" "u8);
            _output.Write(message.Payload);
        }

        _output.Write("\n"u8);
    }

    public void Dispose() => _json.Dispose();

    private void WriteJson(in MessageView message)
    {
        _line.ResetWrittenCount();
        _json.Reset();
        _json.WriteStartObject();
        _json.WriteString("topic"u8, message.TopicUtf8);
        if (Utf8.IsValid(message.Payload))
        {
            _json.WriteString("payload"u8, message.Payload);
        }
        else
        {
            _json.WriteBase64String("payload_base64"u8, message.Payload);
        }

        // As text: a publisher id has 64 bits, and many readers of JSON keep 53.
        _json.WriteString("publisher"u8, message.Publisher.ToString(CultureInfo.InvariantCulture));
        _json.WriteNumber("number"u8, message.Number);
        _json.WriteString("timestamp"u8, message.Timestamp.UtcDateTime);
        _json.WriteBoolean("retained"u8, message.IsRetained);
        if (message.IsReplayed)
        {
            _json.WriteBoolean("replayed"u8, true);
        }

        _json.WriteString("node"u8, message.Node);
        if (message.HasProperties)
        {
            WriteProperties(message.ToMessage());
        }

        _json.WriteEndObject();
        _json.Flush();
        _output.Write(_line.WrittenSpan);
    }

    private void WriteProperties(Message message)
    {
        WriteUnlessNull("content_type", message.ContentType);
        WriteUnlessNull("correlation_id", message.CorrelationId);
        WriteUnlessNull("reply_topic", message.ReplyTopic);
        if (message.TimeToLive is { } time)
        {
            _json.WriteNumber("ttl_ms"u8, (long)time.TotalMilliseconds);
        }

        if (message.Headers.Count > 0)
        {
            _json.WriteStartObject("headers"u8);
            foreach (var (key, value) in message.Headers)
            {
                _json.WriteString(key, value);
            }

            _json.WriteEndObject();
        }
    }

    private void WriteUnlessNull(string name, string? value)
    {
        if (value is not null)
        {
            _json.WriteString(name, value);
        }
    }
}
