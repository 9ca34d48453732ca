using NexusD.Buffers;

namespace NexusD.Transport;

/// <summary>Received bytes, lent for the duration of a call.</summary>
/// <param name="bytes">The bytes.</param>
/// <param name="slab">The slab that holds exactly these bytes from its start, or null.</param>
public readonly ref struct ReceivedBytes(ReadOnlySpan<byte> bytes, Slab? slab)
{
    /// <summary>The bytes.</summary>
    public ReadOnlySpan<byte> Bytes { get; } = bytes;

    /// <summary>
    /// Set for one long frame that lies alone in a slab: whoever wants to keep the bytes retains the slab instead of
    /// copying. Null: the bytes lie in memory that is reused at once.
    /// </summary>
    public Slab? Slab { get; } = slab;
}
