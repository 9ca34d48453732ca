using NexusD.Buffers;

namespace NexusD.Routing.Queues;

/// <summary>
/// Gives a queue room for bytes that wait: many small pieces share a slab, large ones have their own.
/// </summary>
/// <remarks>
/// Who takes a piece gets a reference to its slab and releases it; the writer holds one more to the slab it fills. A
/// queue with little in it uses small slabs, so that thousands of slow subscriptions cost 4 KiB each; a fuller one uses
/// standard slabs. Pieces above half a slab get one of their own. So at most about half of the memory is unused,
/// apart from one slab that is being filled.
/// </remarks>
internal struct RunMemory(SlabPool pool)
{
    // From here on a queue is not a small one.
    private const long SmallQueueBytes = 4 * SlabPool.SmallBytes;

    private Slab? _slab;
    private int _used;

    /// <summary>Copies bytes and returns the slab, with a reference for the caller, and where in it they are.</summary>
    public Slab Copy(ReadOnlySpan<byte> bytes, long queueBytes, out int offset)
    {
        if (_slab is null || _slab.Capacity - _used < bytes.Length)
        {
            bool isSmall = queueBytes < SmallQueueBytes && bytes.Length <= SlabPool.SmallBytes / 2;
            int capacity = isSmall ? SlabPool.SmallBytes : SlabPool.StandardBytes;
            if (bytes.Length > capacity / 2)
            {
                Slab own = pool.Rent(bytes.Length);
                bytes.CopyTo(own.Span);
                offset = 0;
                return own;
            }

            Reset();
            _slab = pool.Rent(capacity);
        }

        offset = _used;
        bytes.CopyTo(_slab.Slice(_used, bytes.Length));
        _used += bytes.Length;
        _slab.Retain();
        return _slab;
    }

    /// <summary>Lets go of the slab that is being filled; what others hold of it stays.</summary>
    public void Reset()
    {
        _slab?.Release();
        _slab = null;
        _used = 0;
    }
}
