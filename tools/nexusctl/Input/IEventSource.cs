namespace Nexusctl.Input;

/// <summary>Where events to publish come from.</summary>
internal interface IEventSource : IAsyncDisposable
{
    /// <summary>Bytes of the whole input; 0 when that is not known.</summary>
    long TotalBytes { get; }

    /// <summary>Bytes read so far.</summary>
    long BytesRead { get; }

    /// <summary>Rows that were told and left out.</summary>
    long Skipped { get; }

    /// <summary>The next event; the payload is valid until the next call.</summary>
    bool TryRead(out string topic, out ReadOnlyMemory<byte> payload);
}
