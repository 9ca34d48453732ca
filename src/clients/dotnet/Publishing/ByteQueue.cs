namespace NexusdClient.Publishing;

/// <summary>Bytes appended at the end, for the frames that are not part of the event log.</summary>
internal sealed class ByteQueue
{
    private const int KeptBytes = 64 * 1024;

    private byte[] _data = new byte[1024];

    internal byte[] Data => _data;

    internal int Length { get; private set; }

    /// <summary>Room for a frame, counted as written.</summary>
    internal Span<byte> Reserve(int bytes)
    {
        if (_data.Length - Length < bytes)
        {
            Array.Resize(ref _data, Math.Max(_data.Length * 2, Length + bytes));
        }

        var room = _data.AsSpan(Length, bytes);
        Length += bytes;
        return room;
    }

    internal void Clear()
    {
        Length = 0;
        if (_data.Length > KeptBytes)
        {
            _data = new byte[1024];
        }
    }
}
