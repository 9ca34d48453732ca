using NexusD.Protocol;
using NexusdClient.Publishing;

namespace NexusdClient;

/// <summary>Publishes to one topic without naming it each time. Belongs to its client; nothing to dispose.</summary>
public sealed class TopicPublisher
{
    private readonly Client _client;
    private readonly OutboundTopic _topic;

    internal TopicPublisher(Client client, OutboundTopic topic)
    {
        _client = client;
        _topic = topic;
    }

    /// <summary>The topic.</summary>
    public string Topic => _topic.Text;

    /// <summary>As <see cref="Client.Publish(string, ReadOnlySpan{byte}, bool)"/>.</summary>
    public bool Publish(ReadOnlySpan<byte> payload, bool retain = false) =>
        _client.Append(_topic, payload, retain ? RunFlags.Retain : RunFlags.None, mayWait: true);

    /// <summary>As <see cref="Client.TryPublish"/>.</summary>
    public bool TryPublish(ReadOnlySpan<byte> payload, bool retain = false) =>
        _client.Append(_topic, payload, retain ? RunFlags.Retain : RunFlags.None, mayWait: false);

    /// <summary>Publishes many events at once.</summary>
    /// <param name="packed">The payloads, one directly after the other.</param>
    /// <param name="lengths">
    /// The length of each payload in bytes; together the length of <paramref name="packed"/>.
    /// </param>
    /// <returns>
    /// How many events were taken; fewer than all only while the daemon is away and the buffer is full.
    /// </returns>
    public int PublishMany(ReadOnlySpan<byte> packed, ReadOnlySpan<int> lengths)
    {
        long sum = 0;
        foreach (var length in lengths)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(length, nameof(lengths));
            sum += length;
        }

        if (sum != packed.Length)
        {
            throw new ArgumentException(
                $"The lengths add up to {sum}, the payloads have {packed.Length} bytes.", nameof(lengths));
        }

        return _client.AppendMany(_topic, packed, lengths);
    }
}
