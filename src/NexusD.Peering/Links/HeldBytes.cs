using NexusD.Buffers;

namespace NexusD.Peering.Links;

/// <summary>
/// Bytes of a stream that came before they may be read. Bounded by the flow control of QUIC: they are not given back as
/// credit.
/// </summary>
internal sealed class HeldBytes(SlabPool pool)
{
    private readonly List<(Slab Slab, int Length)> _parts = [];

    public long Length { get; private set; }

    public bool IsEmpty => _parts.Count == 0;

    public void Add(ReadOnlySpan<byte> data)
    {
        Length += data.Length;
        while (!data.IsEmpty)
        {
            if (_parts.Count == 0 || _parts[^1].Length == _parts[^1].Slab.Capacity)
            {
                _parts.Add((pool.Rent(MemoryKind.Links), 0));
            }

            (Slab slab, int length) = _parts[^1];
            int bytes = Math.Min(data.Length, slab.Capacity - length);
            data[..bytes].CopyTo(slab.Span[length..]);
            data = data[bytes..];
            _parts[^1] = (slab, length + bytes);
        }
    }

    /// <summary>Takes the oldest part out; the caller releases its slab.</summary>
    public bool TryTake(out Slab slab, out int length)
    {
        if (_parts.Count == 0)
        {
            (slab, length) = (null!, 0);
            return false;
        }

        (slab, length) = _parts[0];
        _parts.RemoveAt(0);
        Length -= length;
        return true;
    }

    public void Clear()
    {
        while (TryTake(out Slab slab, out _))
        {
            slab.Release();
        }
    }
}
