namespace NexusD.Buffers.Tests;

public sealed class MemoryBudgetTests
{
    private const long Limit = 16L << 20;

    private readonly MemoryBudget _budget = new(Limit);
    private readonly SlabPool _pool;
    private readonly long[] _kinds = new long[MemoryBudget.Kinds];

    public MemoryBudgetTests() => _pool = new SlabPool(0, _budget);

    [Fact]
    public void Each_kind_of_slab_is_counted_once_and_goes_back_to_zero()
    {
        foreach (MemoryKind kind in Enum.GetValues<MemoryKind>())
        {
            Slab slab = _pool.Rent(100_000, kind);
            slab.Retain();
            slab.Retain();
            Assert.Equal(100_000, Held(kind));
            slab.Release();
            slab.Release();
            Assert.Equal(100_000, Held(kind));
            slab.Release();
            Assert.Equal(0, Held(kind));
        }

        Assert.Equal(0, _budget.Measure(_kinds));
    }

    [Fact]
    public void A_slab_that_is_lent_again_counts_for_its_new_purpose()
    {
        var pool = new SlabPool(1 << 20, new MemoryBudget(Limit));
        pool.Rent(MemoryKind.Queues).Release();
        pool.Budget.Measure(_kinds);
        Assert.Equal((0, SlabPool.StandardBytes), (_kinds[(int)MemoryKind.Queues], _kinds[(int)MemoryKind.Spare]));

        Slab slab = pool.Rent(MemoryKind.Links);
        pool.Budget.Measure(_kinds);
        Assert.Equal((SlabPool.StandardBytes, 0), (_kinds[(int)MemoryKind.Links], _kinds[(int)MemoryKind.Spare]));
        slab.Release();
        pool.Trim();
    }

    [Fact]
    public void It_is_due_before_the_bound_is_met_whatever_grows()
    {
        var slabs = new List<Slab>();
        long used = 0;
        for (int i = 0; used < Limit; i++)
        {
            slabs.Add(_pool.Rent(SlabPool.StandardBytes, (MemoryKind)(i % 4)));
            used += SlabPool.StandardBytes;
            if (_budget.IsDue)
            {
                _budget.Settle();
                if (_budget.Cuts > 0)
                {
                    break;
                }
            }
        }

        Assert.InRange(used, (Limit / 4 * 3) - (1 << 20), Limit / 8 * 7);
        Assert.True(_budget.IsTight);
        Assert.False(_budget.IsShort);
        slabs.ForEach(slab => slab.Release());
    }

    [Fact]
    public void The_longest_lines_are_cut_and_the_others_lose_nothing()
    {
        using var lines = new Lines(_pool, 8 << 20, 4 << 20, 256 << 10, 64 << 10);
        _budget.Settle();

        Assert.Equal(256 << 10, lines.Bytes[2]);
        Assert.Equal(64 << 10, lines.Bytes[3]);
        Assert.InRange(lines.Bytes.Sum(), 4 << 20, Limit / 4 * 3);
        Assert.True(lines.Bytes[0] <= _budget.Ceiling && lines.Bytes[1] <= _budget.Ceiling);
        Assert.False(_budget.IsShort);
    }

    [Fact]
    public void Caches_go_before_events()
    {
        using var lines = new Lines(_pool, 3 << 20, 3 << 20) { CacheBytes = 7 << 20 };
        _budget.Settle();

        Assert.Equal([3 << 20, 3 << 20], lines.Bytes);
        Assert.InRange(lines.CacheBytes, 1, 6 << 20);
        Assert.Equal(0, _budget.Cuts);
    }

    [Fact]
    public void With_nothing_left_to_take_it_is_short_until_something_goes()
    {
        using var lines = new Lines(_pool, 1 << 20);
        Slab held = _pool.Rent((int)Limit, MemoryKind.Payloads);
        _budget.Settle();
        Assert.True(_budget.IsShort);
        Assert.Equal(MemoryBudget.LeastCeiling, _budget.Ceiling);
        Assert.False(_budget.HasRoomFor(1));

        held.Release();
        _budget.Settle();
        Assert.False(_budget.IsShort);
        Assert.True(_budget.HasRoomFor(1 << 20));
    }

    [Fact]
    public void The_ceiling_rises_again_step_by_step_when_memory_is_free()
    {
        using var lines = new Lines(_pool, 8 << 20, 8 << 20);
        _budget.Settle();
        long cut = _budget.Ceiling;
        lines.Lower(0);
        _budget.Relax();
        Assert.Equal(cut * 2, _budget.Ceiling);
        for (int i = 0; i < 20; i++)
        {
            _budget.Relax();
        }

        Assert.False(_budget.IsTight);
        Assert.Equal(Limit / 4, _budget.Ceiling);
    }

    [Fact]
    public void What_is_withheld_lowers_the_bound()
    {
        using var lines = new Lines(_pool, 4 << 20, 4 << 20);
        _budget.Settle();
        Assert.Equal(0, _budget.Cuts);

        _budget.Withhold(6 << 20);
        _budget.Settle();
        Assert.InRange(lines.Bytes.Sum(), 1, 6 << 20);

        _budget.Withhold(long.MaxValue);
        Assert.Equal(Limit / 2, _budget.Withheld);
        _budget.Withhold(-5);
        Assert.Equal(0, _budget.Withheld);
    }

    [Fact]
    public void Growth_that_is_no_slab_makes_it_due()
    {
        _budget.Settle();
        for (int i = 0; i < 1_000 && !_budget.IsDue; i++)
        {
            _budget.NoteGrowth(64 << 10);
        }

        Assert.True(_budget.IsDue);
        _budget.Settle();
        Assert.False(_budget.IsDue);
    }

    [Fact]
    public void Without_a_bound_nothing_is_ever_due()
    {
        var budget = new MemoryBudget();
        var pool = new SlabPool(0, budget);
        Slab slab = pool.Rent(64 << 20, MemoryKind.Queues);
        budget.NoteGrowth(1L << 50);
        Assert.False(budget.IsTight || budget.IsShort);
        Assert.Equal(long.MaxValue, budget.Ceiling);
        Assert.True(budget.HasRoomFor(1L << 40));
        slab.Release();
    }

    [Fact]
    public void A_ceiling_is_the_highest_that_frees_enough()
    {
        var levels = new MemoryLevels();
        levels.Add(1 << 20);
        levels.Add(100_000);
        levels.Add(0);
        Assert.Equal((1 << 20) + 100_000, levels.Total);
        Assert.Equal(512 << 10, levels.CeilingToFree(512 << 10, 4096));
        Assert.Equal(64 << 10, levels.CeilingToFree(1_000_000, 4096));
        Assert.Equal(4096, levels.CeilingToFree(2_000_000, 4096));
    }

    private long Held(MemoryKind kind)
    {
        _budget.Measure(_kinds);
        return _kinds[(int)kind];
    }

    /// <summary>Lines of events that hold a slab of just their size, and a cache.</summary>
    private sealed class Lines : IMemoryHolder, IDisposable
    {
        private readonly SlabPool _pool;
        private readonly Slab?[] _slabs;

        public Lines(SlabPool pool, params int[] bytes)
        {
            _pool = pool;
            _slabs = [.. bytes.Select(b => pool.Rent(b, MemoryKind.Queues))];
            pool.Budget.Join(this);
        }

        public long CacheBytes { get; set; }

        public int[] Bytes => [.. _slabs.Select(slab => slab?.Capacity ?? 0)];

        public void AddHeld(Span<long> bytesByKind) => bytesByKind[(int)MemoryKind.Recovery] += CacheBytes;

        public void ShrinkCaches(long bytes) => CacheBytes = Math.Max(0, CacheBytes - bytes);

        public void AddLines(MemoryLevels levels) => Array.ForEach(Bytes, bytes => levels.Add(bytes));

        public void Lower(long ceiling)
        {
            for (int i = 0; i < _slabs.Length; i++)
            {
                if (_slabs[i]?.Capacity > ceiling)
                {
                    _slabs[i]!.Release();
                    _slabs[i] = ceiling == 0 ? null : _pool.Rent((int)ceiling, MemoryKind.Queues);
                }
            }
        }

        public void Dispose() => Array.ForEach(_slabs, slab => slab?.Release());
    }
}
