using System.Collections.ObjectModel;
using System.Text;
using NexusD.Protocol;

namespace NexusdClient.Receiving;

/// <summary>The decoded properties of a run; shared by its messages.</summary>
internal sealed class MessageProperties
{
    internal static readonly IReadOnlyDictionary<string, string> NoHeaders = ReadOnlyDictionary<string, string>.Empty;

    internal string? ContentType { get; private set; }

    internal string? CorrelationId { get; private set; }

    internal string? ReplyTopic { get; private set; }

    internal TimeSpan? TimeToLive { get; private set; }

    internal EventPriority Priority { get; private set; }

    internal IReadOnlyDictionary<string, string> Headers { get; private set; } = NoHeaders;

    /// <summary>Decodes a list whose layout was checked; null when it holds nothing that is known.</summary>
    internal static MessageProperties? Decode(ReadOnlySpan<byte> list)
    {
        if (list.IsEmpty)
        {
            return null;
        }

        var decoded = new MessageProperties();
        Dictionary<string, string>? headers = null;
        var reader = new PropertyReader(list);
        while (reader.TryRead(out var id, out var value))
        {
            if (id == PropertyId.Header && EventHeader.TryRead(value, out var header))
            {
                headers ??= [];
                headers[Encoding.UTF8.GetString(header.Key)] = Encoding.UTF8.GetString(header.Value);
            }
            else
            {
                decoded.Set(id, value);
            }
        }

        decoded.Headers = headers ?? NoHeaders;
        return decoded;
    }

    private void Set(byte id, ReadOnlySpan<byte> value)
    {
        switch (id)
        {
            case PropertyId.ContentType:
                ContentType = Encoding.UTF8.GetString(value);
                break;
            case PropertyId.CorrelationId:
                CorrelationId = Encoding.UTF8.GetString(value);
                break;
            case PropertyId.ReplyTopic:
                ReplyTopic = Encoding.UTF8.GetString(value);
                break;
            case PropertyId.TimeToLive when PropertyValue.TryRead(value, out uint milliseconds):
                TimeToLive = TimeSpan.FromMilliseconds(milliseconds);
                break;
            case PropertyId.Priority when value.Length == 1:
                Priority = (EventPriority)value[0];
                break;
        }
    }
}
