namespace NexusD.Routing.Retained;

/// <summary>Retained events by the time at which they expire, the first on top; any of them can be taken out.</summary>
/// <remarks>
/// Invariant: no event expires before its parent; each knows its place (<see cref="RetainedEvent.HeapIndex"/>).
/// </remarks>
internal sealed class ExpiryHeap
{
    private readonly List<RetainedEvent> _heap = [];

    public int Count => _heap.Count;

    /// <summary>The one that expires first, or null.</summary>
    public RetainedEvent? First => _heap.Count > 0 ? _heap[0] : null;

    public void Add(RetainedEvent retained)
    {
        _heap.Add(retained);
        Rise(retained, _heap.Count - 1);
    }

    public void Remove(RetainedEvent retained)
    {
        int hole = retained.HeapIndex;
        retained.HeapIndex = -1;
        RetainedEvent last = _heap[^1];
        _heap.RemoveAt(_heap.Count - 1);
        if (!ReferenceEquals(last, retained))
        {
            Rise(last, hole);
            Sink(last, last.HeapIndex);
        }
    }

    private void Rise(RetainedEvent retained, int at)
    {
        while (at > 0 && _heap[(at - 1) / 2].ExpiresAt > retained.ExpiresAt)
        {
            Place(_heap[(at - 1) / 2], at);
            at = (at - 1) / 2;
        }

        Place(retained, at);
    }

    private void Sink(RetainedEvent retained, int at)
    {
        while ((at * 2) + 1 < _heap.Count)
        {
            int child = (at * 2) + 1;
            child += child + 1 < _heap.Count && _heap[child + 1].ExpiresAt < _heap[child].ExpiresAt ? 1 : 0;
            if (_heap[child].ExpiresAt >= retained.ExpiresAt)
            {
                break;
            }

            Place(_heap[child], at);
            at = child;
        }

        Place(retained, at);
    }

    private void Place(RetainedEvent retained, int at)
    {
        _heap[at] = retained;
        retained.HeapIndex = at;
    }
}
