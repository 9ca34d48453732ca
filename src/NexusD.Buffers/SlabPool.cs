using System.Collections.Concurrent;
using System.Runtime.InteropServices;

namespace NexusD.Buffers;

/// <summary>
/// Lends <see cref="Slab"/>s. Blocks of the standard size are kept for reuse up to a limit; larger ones are allocated and
/// freed one by one, because they are rare and keeping them would hold memory for a burst that may never come back.
/// </summary>
/// <remarks>Safe on any thread. Sees nothing but native memory; who holds what is the holders' business.</remarks>
public sealed unsafe class SlabPool
{
    /// <summary>Size in bytes of a standard slab: one socket write, one QUIC send batch.</summary>
    public const int StandardBytes = 64 * 1024;

    private readonly ConcurrentStack<Slab> _free = new();
    private readonly int _keepLimit;
    private int _freeCount;
    private long _rentedBytes;

    /// <param name="keepBytes">How many bytes of unused standard slabs to keep for reuse; 0 or more.</param>
    public SlabPool(long keepBytes = 8 * 1024 * 1024)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(keepBytes);
        _keepLimit = (int)Math.Min(int.MaxValue, keepBytes / StandardBytes);
    }

    /// <summary>Bytes lent out at the moment.</summary>
    public long RentedBytes => Interlocked.Read(ref _rentedBytes);

    /// <summary>Bytes kept for reuse at the moment.</summary>
    public long KeptBytes => (long)Volatile.Read(ref _freeCount) * StandardBytes;

    /// <summary>Rents a slab of the standard size with one reference; its bytes are not cleared.</summary>
    public Slab Rent() => Rent(StandardBytes);

    /// <summary>Rents a slab of at least <paramref name="minimumBytes"/> with one reference; its bytes are not cleared.</summary>
    /// <exception cref="OutOfMemoryException">The system gives no memory.</exception>
    public Slab Rent(int minimumBytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(minimumBytes);
        if (minimumBytes <= StandardBytes && _free.TryPop(out Slab? slab))
        {
            Interlocked.Decrement(ref _freeCount);
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
        while (_free.TryPop(out Slab? slab))
        {
            Interlocked.Decrement(ref _freeCount);
            NativeMemory.AlignedFree(slab.Pointer);
        }
    }

    internal void Return(Slab slab)
    {
        Interlocked.Add(ref _rentedBytes, -slab.Capacity);
        if (slab.Capacity == StandardBytes && Interlocked.Increment(ref _freeCount) <= _keepLimit)
        {
            _free.Push(slab);
            return;
        }

        if (slab.Capacity == StandardBytes)
        {
            Interlocked.Decrement(ref _freeCount);
        }

        NativeMemory.AlignedFree(slab.Pointer);
    }
}
