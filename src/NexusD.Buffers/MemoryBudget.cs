namespace NexusD.Buffers;

/// <summary>
/// The one bound of everything that grows (docs/adr/0006-memory-budget.md). Knows what slabs are lent for, asks its
/// holders for the rest, and takes memory back in a fixed order when the bound comes near: spare slabs, caches, then
/// events of the longest lines down to a common <see cref="Ceiling"/>.
/// </summary>
/// <remarks>
/// <para>Slabs are counted as they are lent, by kind. Nothing else is counted as it happens: each kind has an alarm,
/// set so that all alarms together lie below the bound, and only a slab that rings one makes <see cref="IsDue"/> true.
/// Whoever is about to keep an event looks at that and calls <see cref="Settle"/>, which measures.</para>
/// <para>Threads: slabs are counted on any; everything else belongs to the loop's thread, and its figures may be read
/// on others.</para>
/// </remarks>
public sealed class MemoryBudget
{
    /// <summary>Number of kinds.</summary>
    public const int Kinds = (int)MemoryKind.Spare + 1;

    /// <summary>No ceiling falls below this, in bytes.</summary>
    public const long LeastCeiling = 4 * 1024;

    private readonly List<IMemoryHolder> _holders = [];
    private readonly MemoryLevels _levels = new();
    private readonly long[] _slabs = new long[Kinds];
    private readonly long[] _alarms = new long[Kinds];
    private readonly long[] _held = new long[Kinds];
    private readonly long[] _arrays = new long[Kinds];
    private readonly long _highWater;
    private readonly long _lowWater;
    private readonly long _topCeiling;
    private readonly long _leastAlarmStep;
    private long _withheld;
    private long _grown;
    private long _grownAlarm;
    private bool _isSettling;

    /// <summary>A budget without a bound.</summary>
    public MemoryBudget()
        : this(long.MaxValue)
    {
    }

    /// <param name="limit">Bytes, at least 1 MiB.</param>
    public MemoryBudget(long limit)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1024 * 1024);
        Limit = limit;
        IsBounded = limit != long.MaxValue;
        _highWater = limit / 4 * 3;
        _lowWater = limit / 16 * 11;
        _topCeiling = IsBounded ? limit / 4 : long.MaxValue;
        Ceiling = _topCeiling;
        _leastAlarmStep = Math.Max(SlabPool.StandardBytes, limit / 256);
        Array.Fill(_alarms, IsBounded ? limit / 4 / Kinds : long.MaxValue);
        _grownAlarm = _alarms[0];
    }

    /// <summary>The bound in bytes; <see cref="long.MaxValue"/> without one.</summary>
    public long Limit { get; }

    /// <summary>Whether there is a bound.</summary>
    public bool IsBounded { get; }

    /// <summary>
    /// Most bytes that any one line of events may hold now: a quarter of the bound, less while memory is short.
    /// </summary>
    public long Ceiling { get; private set; }

    /// <summary>The same for what goes to one other node, which needs some room to keep its link busy.</summary>
    public long LinkCeiling => Math.Max(Ceiling, 16 * LeastCeiling);

    /// <summary>Whether lines are being kept short for want of memory.</summary>
    public bool IsTight => Ceiling < _topCeiling;

    /// <summary>Whether the bound was exceeded by the last measure and nothing was left to take back.</summary>
    public bool IsShort { get; private set; }

    /// <summary>Whether somebody should call <see cref="Settle"/> before keeping more.</summary>
    public bool IsDue { get; private set; }

    /// <summary>How often lines were cut.</summary>
    public long Cuts { get; private set; }

    /// <summary>What the bound is lowered by because the process holds more than is counted, in bytes.</summary>
    public long Withheld => Volatile.Read(ref _withheld);

    /// <summary>Whose slabs are counted.</summary>
    internal SlabPool? Pool { get; set; }

    /// <summary>Takes part from now on; who came first is asked first. Without a bound nobody is asked.</summary>
    public void Join(IMemoryHolder holder)
    {
        if (IsBounded)
        {
            _holders.Add(holder);
        }
    }

    /// <summary>Bytes of slabs lent for something.</summary>
    public long SlabBytes(MemoryKind kind) => Volatile.Read(ref _slabs[(int)kind]);

    /// <summary>Measures everything: what is held for each kind, in bytes; returns the sum.</summary>
    public long Measure(Span<long> bytesByKind)
    {
        bytesByKind.Clear();
        foreach (IMemoryHolder holder in _holders)
        {
            holder.AddHeld(bytesByKind);
        }

        bytesByKind[(int)MemoryKind.Spare] += Pool?.KeptBytes ?? 0;
        long sum = 0;
        for (int kind = 0; kind < Kinds; kind++)
        {
            bytesByKind[kind] += Volatile.Read(ref _slabs[kind]) + _arrays[kind];
            sum += bytesByKind[kind];
        }

        return sum;
    }

    /// <summary>Counts an array that was taken for a kind, or with a negative size given back.</summary>
    public void CountArray(MemoryKind kind, long bytes)
    {
        _arrays[(int)kind] += bytes;
        if (bytes > 0)
        {
            NoteGrowth(bytes);
        }
    }

    /// <summary>Something that is not a slab grew by so many bytes; a rough figure will do.</summary>
    public void NoteGrowth(long bytes)
    {
        _grown += bytes;
        if (_grown > _grownAlarm)
        {
            IsDue = true;
        }
    }

    /// <summary>Whether so many bytes more would fit now, after taking back what can be.</summary>
    public bool HasRoomFor(long bytes)
    {
        if (!IsBounded)
        {
            return true;
        }

        Settle();
        return Measure(_held) + bytes <= Limit - Withheld;
    }

    /// <summary>Lowers the bound for memory that the process holds and that is not counted here.</summary>
    public void Withhold(long bytes) =>
        Volatile.Write(ref _withheld, IsBounded ? Math.Clamp(bytes, 0, Limit / 2) : 0);

    /// <summary>
    /// Measures, and takes memory back if the bound is near. Not to be called while an event of a holder is being
    /// handed on that is not kept alive by somebody else.
    /// </summary>
    public void Settle()
    {
        IsDue = false;
        if (!IsBounded || _isSettling)
        {
            return;
        }

        _isSettling = true;
        long high = _highWater - Withheld;
        long used = Measure(_held);
        if (used > high)
        {
            used = TakeBack(used, high);
        }

        IsShort = used > Limit - Withheld;
        SetAlarms(high - used);
        _isSettling = false;
    }

    /// <summary>Lets lines grow again when memory is free; call it about once a second.</summary>
    public void Relax()
    {
        Settle();
        if (!IsTight)
        {
            return;
        }

        // With a ceiling twice as high all lines may grow to twice their size.
        _levels.Clear();
        _holders.ForEach(holder => holder.AddLines(_levels));
        if (Measure(_held) + _levels.Total < _lowWater - Withheld)
        {
            SetCeiling(Ceiling >= _topCeiling / 2 ? _topCeiling : Ceiling * 2);
        }
    }

    internal void Lend(MemoryKind kind, long bytes)
    {
        if (Interlocked.Add(ref _slabs[(int)kind], bytes) > _alarms[(int)kind])
        {
            IsDue = true;
        }
    }

    internal void TakeIn(MemoryKind kind, long bytes) => Interlocked.Add(ref _slabs[(int)kind], -bytes);

    private long TakeBack(long used, long high)
    {
        Pool?.Trim();
        used = Measure(_held);
        foreach (IMemoryHolder holder in _holders)
        {
            if (used <= high)
            {
                return used;
            }

            holder.ShrinkCaches(used - high);
            used = Measure(_held);
        }

        // Lines share slabs, and a slab is free when the last one lets go: a cut may free less than it should.
        while (used > high)
        {
            _levels.Clear();
            _holders.ForEach(holder => holder.AddLines(_levels));
            long ceiling = _levels.CeilingToFree(used - (_lowWater - Withheld), LeastCeiling);
            bool isLast = Ceiling == LeastCeiling;
            SetCeiling(Math.Max(LeastCeiling, Math.Min(ceiling, isLast ? Ceiling : Ceiling / 2)));
            Cuts++;
            Pool?.Trim();
            used = Measure(_held);
            if (isLast)
            {
                break;
            }
        }

        return used;
    }

    private void SetCeiling(long ceiling)
    {
        Ceiling = ceiling;
        _holders.ForEach(holder => holder.Lower(ceiling));
    }

    private void SetAlarms(long room)
    {
        long step = Math.Max(_leastAlarmStep, room / Kinds);
        for (int kind = 0; kind < Kinds; kind++)
        {
            _alarms[kind] = Volatile.Read(ref _slabs[kind]) + step;
        }

        _grown = 0;
        _grownAlarm = step;
    }
}
