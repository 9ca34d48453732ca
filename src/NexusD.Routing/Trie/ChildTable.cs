using System.Diagnostics;

namespace NexusD.Routing.Trie;

/// <summary>Two or more children of a node, keyed by level: open addressing with linear probing.</summary>
/// <remarks>
/// One writer, readers without a lock. A slot goes from empty to a child, and from a child to <see cref="_removed"/>
/// and on to another child, never back to empty, so a reader's probe never stops short of a child that stays. Growing
/// and shrinking build a new table and leave the old one to the readers that are in it. Invariant: at most three
/// quarters of the slots are not empty; each change costs amortised constant time.
/// </remarks>
internal sealed class ChildTable
{
    private const int LeastSlots = 4;

    // NUL stands in no topic, so no search finds the mark.
    private static readonly LevelNode _removed = new RemovedMark();

    private readonly LevelNode?[] _slots;
    private int _live;
    private int _taken;

    private ChildTable(int slots) => _slots = new LevelNode?[slots];

    public static ChildTable Of(LevelNode first, LevelNode second)
    {
        var table = new ChildTable(LeastSlots);
        table.Put(first);
        table.Put(second);
        return table;
    }

    public LevelNode? Find(uint hash, ReadOnlySpan<byte> level)
    {
        LevelNode?[] slots = _slots;
        uint mask = (uint)slots.Length - 1;
        for (uint at = hash & mask; ; at = (at + 1) & mask)
        {
            LevelNode? child = Volatile.Read(ref slots[at]);
            if (child is null || child.Is(hash, level))
            {
                return child;
            }
        }
    }

    /// <summary>This table, or a larger one, with the child in it.</summary>
    public ChildTable With(LevelNode child)
    {
        ChildTable table = (_taken + 1) * 4 > _slots.Length * 3 ? Rebuilt(_live + 1) : this;
        table.Put(child);
        return table;
    }

    /// <summary>What is left: this table, a smaller one, or the only child.</summary>
    public object? Without(LevelNode child)
    {
        uint mask = (uint)_slots.Length - 1;
        uint at = child.Hash & mask;
        while (!ReferenceEquals(_slots[at], child))
        {
            Debug.Assert(_slots[at] is not null, "a child was removed that is not there");
            at = (at + 1) & mask;
        }

        Volatile.Write(ref _slots[at], _removed);
        _live--;
        if (_live == 1)
        {
            return Array.Find(_slots, slot => slot is not null && !ReferenceEquals(slot, _removed));
        }

        return _slots.Length > LeastSlots * 4 && _live * 8 < _slots.Length ? Rebuilt(_live) : this;
    }

    public void Visit<TState>(ref TState state, ChildVisitor<TState> visit) where TState : allows ref struct
    {
        foreach (LevelNode? child in _slots)
        {
            if (child is not null && !ReferenceEquals(child, _removed))
            {
                visit(child, ref state);
            }
        }
    }

    private void Put(LevelNode child)
    {
        uint mask = (uint)_slots.Length - 1;
        uint at = child.Hash & mask;
        while (_slots[at] is { } other && !ReferenceEquals(other, _removed))
        {
            at = (at + 1) & mask;
        }

        _taken += _slots[at] is null ? 1 : 0;
        _live++;
        Volatile.Write(ref _slots[at], child);
    }

    private ChildTable Rebuilt(int children)
    {
        int slots = LeastSlots;
        while (slots < children * 2)
        {
            slots *= 2;
        }

        var table = new ChildTable(slots);
        foreach (LevelNode? child in _slots)
        {
            if (child is not null && !ReferenceEquals(child, _removed))
            {
                table.Put(child);
            }
        }

        return table;
    }

    private sealed class RemovedMark() : LevelNode(null, [0], 0);
}
