namespace NexusD.Routing.Topics;

/// <summary>
/// A bounded set that gives up what was not used lately (the clock algorithm: a hand goes round, clears the mark of
/// what was used and takes the first item without one).
/// </summary>
/// <remarks>Invariant: never more than <paramref name="capacity"/> items; each knows its place.</remarks>
internal sealed class ClockRing<T>(int capacity)
    where T : class, IEvictable
{
    private T[] _items = new T[Math.Min(capacity, 16)];
    private int _hand;

    public int Count { get; private set; }

    public T this[int index] => _items[index];

    /// <summary>Adds an item and returns the one that had to go for it, or null.</summary>
    public T? Add(T item)
    {
        if (Count < capacity)
        {
            if (Count == _items.Length)
            {
                Array.Resize(ref _items, Math.Min(capacity, _items.Length * 2));
            }

            Put(item, Count++);
            return null;
        }

        T victim = FindVictim();
        Put(item, victim.RingIndex);
        victim.RingIndex = -1;
        return victim;
    }

    private void Put(T item, int index)
    {
        _items[index] = item;
        item.RingIndex = index;
        // What is used but once goes first, so that a flood of such does not wash out the others.
        item.WasUsed = false;
    }

    private T FindVictim()
    {
        // Two rounds: one may be spent clearing marks. If all are pinned, the one under the hand goes.
        for (int step = 0; step < Count * 2; step++)
        {
            T item = _items[_hand];
            _hand = _hand + 1 == Count ? 0 : _hand + 1;
            if (item.IsPinned)
            {
                continue;
            }

            if (!item.WasUsed)
            {
                return item;
            }

            item.WasUsed = false;
        }

        return _items[_hand];
    }
}
