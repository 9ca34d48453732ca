using System.Runtime.InteropServices;

namespace NexusD.Buffers;

/// <summary>
/// Lends <see cref="Slab"/>s. Blocks of the standard size are kept for reuse up to a limit; larger ones are allocated
/// and freed one by one, because they are rare and keeping them would hold memory for a burst that may never come back.
/// </summary>
/// <remarks>Safe on any thread. Sees nothing but native memory; who holds what is the holders' business.</remarks>
public sealed unsafe class SlabPool
{
    /// <summary>Size in bytes of a standard slab: one socket write, one QUIC send batch.</summary>
    public const int StandardBytes = 64 * 1024;

    private readonly Lock _lock = new();
    private readonly Slab?[] _kept;
    private int _keptCount;
    private long _rentedBytes;

    /// <param name="keepBytes">How many bytes of unused standard slabs to keep for reuse; 0 or more.</param>
    public SlabPool(long keepBytes = 8 * 1024 * 1024)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(keepBytes);
        _kept = new Slab?[(int)Math.Min(Array.MaxLength, keepBytes / StandardBytes)];
    }

    /// <summary>Bytes lent out at the moment.</summary>
    public long RentedBytes => Interlocked.Read(ref _rentedBytes);

    /// <summary>Bytes kept for reuse at the moment.</summary>
    public long KeptBytes => (long)Volatile.Read(ref _keptCount) * StandardBytes;

    /// <summary>Rents a slab of the standard size with one reference; its bytes are not cleared.</summary>
    public Slab Rent() => Rent(StandardBytes);

    /// <summary>
    /// Rents a slab of at least <paramref name="minimumBytes"/> with one reference; its bytes are not cleared.
    /// </summary>
    /// <exception cref="OutOfMemoryException">The system gives no memory.</exception>
    public Slab Rent(int minimumBytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(minimumBytes);
        Slab? slab = minimumBytes <= StandardBytes ? TakeKept() : null;
        if (slab is not null)
        {
            slab.Revive();
        }
        else
        {
            int capacity = Math.Max(minimumBytes, StandardBytes);
            slab = new Slab(this, (byte*)NativeMemory.AlignedAlloc((nuint)capacity, 64), capacity);
        }

        Interlocked.Add(ref _rentedBytes, slab.Capacity);
        return slab;
    }

    /// <summary>Frees the slabs kept for reuse.</summary>
    public void Trim()
    {
        while (TakeKept() is { } slab)
        {
            NativeMemory.AlignedFree(slab.Pointer);
        }
    }

    internal void Return(Slab slab)
    {
        Interlocked.Add(ref _rentedBytes, -slab.Capacity);
        if (slab.Capacity == StandardBytes)
        {
            lock (_lock)
            {
                if (_keptCount < _kept.Length)
                {
                    _kept[_keptCount++] = slab;
                    return;
                }
            }
        }

        NativeMemory.AlignedFree(slab.Pointer);
    }

    private Slab? TakeKept()
    {
        // A lock held for an array access: the lock-free collections of .NET allocate a node per return.
        lock (_lock)
        {
            if (_keptCount == 0)
            {
                return null;
            }

            Slab? slab = _kept[--_keptCount];
            _kept[_keptCount] = null;
            return slab;
        }
    }
}
