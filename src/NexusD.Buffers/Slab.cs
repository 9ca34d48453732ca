using System.Diagnostics;

namespace NexusD.Buffers;

/// <summary>
/// A block of native memory with a reference count. Bytes in it never move, so a kernel call or the QUIC engine may
/// hold an address into it for as long as it holds a reference.
/// </summary>
/// <remarks>
/// Ownership: whoever receives a slab from <see cref="SlabPool.Rent(int, MemoryKind)"/>
/// owns one reference. <see cref="Retain"/>
/// adds one for another holder; each holder calls <see cref="Release"/> exactly once and must not touch the slab
/// afterwards. Bytes that were handed to another holder are read-only for everybody. Reference counting is safe on any
/// thread; writing is not synchronised.
/// </remarks>
public sealed unsafe class Slab
{
    private readonly SlabPool _pool;
    private int _references;

    internal Slab(SlabPool pool, byte* pointer, int capacity)
    {
        _pool = pool;
        Pointer = pointer;
        Capacity = capacity;
        _references = 1;
    }

    /// <summary>Address of the first byte; valid while a reference is held.</summary>
    public byte* Pointer { get; }

    /// <summary>Size of the block in bytes.</summary>
    public int Capacity { get; }

    /// <summary>What it was lent for.</summary>
    public MemoryKind Kind { get; internal set; }

    /// <summary>The whole block.</summary>
    public Span<byte> Span => new(Pointer, Capacity);

    /// <summary>A part of the block; throws when it does not lie inside.</summary>
    public Span<byte> Slice(int offset, int length) => Span.Slice(offset, length);

    /// <summary>Adds a reference for another holder.</summary>
    public void Retain()
    {
        int now = Interlocked.Increment(ref _references);
        Debug.Assert(now > 1, "a slab was retained after its last release");
    }

    /// <summary>Gives one reference back; the last one returns the block to its pool.</summary>
    public void Release()
    {
        int left = Interlocked.Decrement(ref _references);
        Debug.Assert(left >= 0, "a slab was released more often than it was held");
        if (left == 0)
        {
            _pool.Return(this);
        }
    }

    /// <summary>The next unused slab while this one waits in its pool for reuse; only the pool touches it.</summary>
    internal Slab? NextFree { get; set; }

    internal void Revive() => _references = 1;
}
