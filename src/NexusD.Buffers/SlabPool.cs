using System.Runtime.InteropServices;

namespace NexusD.Buffers;

/// <summary>
/// Lends <see cref="Slab"/>s. Blocks of the two pooled sizes are kept for reuse up to a limit; larger ones are
/// allocated and freed one by one, because they are rare and keeping them would hold memory for a burst that may never
/// come back.
/// </summary>
/// <remarks>
/// Safe on any thread. Renting and returning a pooled size allocates nothing once the pool is warm. Sees nothing but
/// native memory; who holds what is the holders' business.
/// </remarks>
public sealed unsafe class SlabPool
{
    /// <summary>Size in bytes of a standard slab: one socket write, one QUIC send batch.</summary>
    public const int StandardBytes = 64 * 1024;

    /// <summary>
    /// Size in bytes of a small slab: a few events that wait, where thousands of holders have one each.
    /// </summary>
    public const int SmallBytes = 4 * 1024;

    /// <summary>Size in bytes of a tiny slab: one or two events that wait.</summary>
    public const int TinyBytes = 512;

    private readonly FreeList _standard;
    private readonly FreeList _small;
    private readonly FreeList _tiny;

    /// <param name="keepBytes">
    /// How many bytes of unused standard slabs to keep for reuse; 0 or more. Small and tiny ones may take half of that
    /// more.
    /// </param>
    /// <param name="budget">Where lent slabs are counted; null: one without a bound.</param>
    public SlabPool(long keepBytes = 8 * 1024 * 1024, MemoryBudget? budget = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(keepBytes);
        Budget = budget ?? new MemoryBudget();
        Budget.Pool = this;
        _tiny = new FreeList(keepBytes / 8 * 3 / TinyBytes);
        _small = new FreeList(keepBytes / 8 / SmallBytes);
        _standard = new FreeList(keepBytes / StandardBytes);
    }

    /// <summary>What the slabs count against.</summary>
    public MemoryBudget Budget { get; }

    /// <summary>Bytes lent out at the moment.</summary>
    public long RentedBytes
    {
        get
        {
            long sum = 0;
            for (var kind = MemoryKind.Queues; kind < MemoryKind.Spare; kind++)
            {
                sum += Budget.SlabBytes(kind);
            }

            return sum;
        }
    }

    /// <summary>Bytes kept for reuse at the moment.</summary>
    public long KeptBytes =>
        (_standard.Count * StandardBytes) + (_small.Count * SmallBytes) + (_tiny.Count * TinyBytes);

    /// <summary>Rents a slab of the standard size with one reference; its bytes are not cleared.</summary>
    public Slab Rent(MemoryKind kind = MemoryKind.Shared) => Rent(StandardBytes, kind);

    /// <summary>
    /// Rents a slab of at least <paramref name="minimumBytes"/> (rounded up to a pooled size where one is large enough)
    /// with one reference; its bytes are not cleared.
    /// </summary>
    /// <exception cref="OutOfMemoryException">The system gives no memory.</exception>
    /// <param name="minimumBytes">At least 1.</param>
    /// <param name="kind">What it is for, until it is given back.</param>
    public Slab Rent(int minimumBytes, MemoryKind kind = MemoryKind.Shared)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(minimumBytes);
        int capacity = minimumBytes switch
        {
            <= TinyBytes => TinyBytes,
            <= SmallBytes => SmallBytes,
            _ => Math.Max(minimumBytes, StandardBytes),
        };
        Slab? slab = KeptAt(capacity)?.TryTake();
        if (slab is null)
        {
            slab = new Slab(this, (byte*)NativeMemory.AlignedAlloc((nuint)capacity, 64), capacity);
        }
        else
        {
            slab.Revive();
        }

        slab.Kind = kind;
        Budget.Lend(kind, capacity);
        return slab;
    }

    /// <summary>Frees the slabs kept for reuse.</summary>
    public void Trim()
    {
        Free(_standard);
        Free(_small);
        Free(_tiny);
    }

    internal void Return(Slab slab)
    {
        Budget.TakeIn(slab.Kind, slab.Capacity);
        if (KeptAt(slab.Capacity)?.TryKeep(slab) != true)
        {
            NativeMemory.AlignedFree(slab.Pointer);
        }
    }

    private FreeList? KeptAt(int capacity) => capacity switch
    {
        StandardBytes => _standard,
        SmallBytes => _small,
        TinyBytes => _tiny,
        _ => null,
    };

    private static void Free(FreeList list)
    {
        while (list.TryTake() is { } slab)
        {
            NativeMemory.AlignedFree(slab.Pointer);
        }
    }

    /// <summary>
    /// A stack of unused slabs of one size, chained through themselves: the lock-free collections of .NET allocate a
    /// node per return, and the lock is held for a few loads and stores only.
    /// </summary>
    private sealed class FreeList(long limit)
    {
        private readonly Lock _gate = new();
        private Slab? _top;
        private long _count;

        public long Count => Interlocked.Read(ref _count);

        public Slab? TryTake()
        {
            lock (_gate)
            {
                Slab? slab = _top;
                if (slab is not null)
                {
                    _top = slab.NextFree;
                    slab.NextFree = null;
                    _count--;
                }

                return slab;
            }
        }

        public bool TryKeep(Slab slab)
        {
            lock (_gate)
            {
                if (_count >= limit)
                {
                    return false;
                }

                slab.NextFree = _top;
                _top = slab;
                _count++;
                return true;
            }
        }
    }
}
