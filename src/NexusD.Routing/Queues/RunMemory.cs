using NexusD.Buffers;

namespace NexusD.Routing.Queues;

/// <summary>
/// Gives a queue room for bytes that wait: many small pieces share a slab, large ones have their own.
/// </summary>
/// <remarks>
/// Who takes a piece gets a reference to its slab and releases it; the writer holds one more to the slab it fills. A
/// queue begins with a tiny slab and goes on with small ones, so that thousands of slow subscriptions cost 512 bytes to
/// 4 KiB each; a fuller one uses standard slabs. Pieces above half a slab get one of their own. So at most about half
/// of the memory is unused, apart from one slab that is being filled.
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
            // While memory is short a large slab would hold more than the queue may.
            bool isShort = pool.Budget.Ceiling <= 4 * SlabPool.StandardBytes;
            int capacity = CapacityFor(bytes.Length, isShort ? Math.Min(queueBytes, SmallQueueBytes - 1) : queueBytes);
            if (bytes.Length > capacity / 2)
            {
                Slab own = pool.Rent(bytes.Length, MemoryKind.Queues);
                bytes.CopyTo(own.Span);
                offset = 0;
                return own;
            }

            Reset();
            _slab = pool.Rent(capacity, MemoryKind.Queues);
        }

        offset = _used;
        bytes.CopyTo(_slab.Slice(_used, bytes.Length));
        _used += bytes.Length;
        _slab.Retain();
        return _slab;
    }

    private static int CapacityFor(int bytes, long queueBytes) => queueBytes switch
    {
        0 when bytes <= SlabPool.TinyBytes / 2 => SlabPool.TinyBytes,
        < SmallQueueBytes when bytes <= SlabPool.SmallBytes / 2 => SlabPool.SmallBytes,
        _ => SlabPool.StandardBytes,
    };

    /// <summary>Lets go of the slab that is being filled; what others hold of it stays.</summary>
    public void Reset()
    {
        _slab?.Release();
        _slab = null;
        _used = 0;
    }
}
