namespace Nexusctl.Input;

/// <summary>One event.</summary>
internal sealed class SinglePayload(string topic, ReadOnlyMemory<byte> payload) : IEventSource
{
    private bool _read;

    public long TotalBytes => payload.Length;

    public long BytesRead => _read ? payload.Length : 0;

    public long Skipped => 0;

    internal static SinglePayload ReadAll(string topic, Stream stream)
    {
        using (stream)
        {
            var bytes = new MemoryStream();
            stream.CopyTo(bytes);
            return new SinglePayload(topic, bytes.ToArray());
        }
    }

    public bool TryRead(out string eventTopic, out ReadOnlyMemory<byte> eventPayload)
    {
        eventTopic = topic;
        eventPayload = payload;
        var first = !_read;
        _read = true;
        return first;
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
