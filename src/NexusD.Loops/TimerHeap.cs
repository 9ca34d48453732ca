namespace NexusD.Loops;

/// <summary>
/// A binary heap of timers by due time. Each timer knows its place, so moving or removing one costs O(log n).
/// </summary>
internal sealed class TimerHeap
{
    private LoopTimer[] _heap = new LoopTimer[16];
    private int _count;

    /// <summary>When the earliest timer is due, or <see cref="long.MaxValue"/>.</summary>
    public long NextDueNs => _count == 0 ? long.MaxValue : _heap[0].DueNs;

    public void Set(LoopTimer timer, long dueNs)
    {
        timer.DueNs = dueNs;
        if (timer.HeapIndex < 0)
        {
            if (_count == _heap.Length)
            {
                Array.Resize(ref _heap, _count * 2);
            }

            timer.HeapIndex = _count;
            _heap[_count++] = timer;
        }

        SiftUp(timer.HeapIndex);
        SiftDown(timer.HeapIndex);
    }

    public void Remove(LoopTimer timer)
    {
        int index = timer.HeapIndex;
        if (index < 0)
        {
            return;
        }

        timer.HeapIndex = -1;
        LoopTimer last = _heap[--_count];
        _heap[_count] = null!;
        if (last != timer)
        {
            _heap[index] = last;
            last.HeapIndex = index;
            SiftUp(index);
            SiftDown(last.HeapIndex);
        }
    }

    /// <summary>
    /// Fires all timers due by <paramref name="nowNs"/>; one set again by its own callback for a past time waits for
    /// the next call.
    /// </summary>
    public void FireDue(long nowNs)
    {
        for (int budget = _count; budget > 0 && _count > 0 && _heap[0].DueNs <= nowNs; budget--)
        {
            LoopTimer timer = _heap[0];
            Remove(timer);
            timer.Fired();
        }
    }

    private void SiftUp(int index)
    {
        LoopTimer moving = _heap[index];
        while (index > 0)
        {
            int parent = (index - 1) / 2;
            if (_heap[parent].DueNs <= moving.DueNs)
            {
                break;
            }

            Place(_heap[parent], index);
            index = parent;
        }

        Place(moving, index);
    }

    private void SiftDown(int index)
    {
        LoopTimer moving = _heap[index];
        for (int child = 2 * index + 1; child < _count; child = 2 * index + 1)
        {
            if (child + 1 < _count && _heap[child + 1].DueNs < _heap[child].DueNs)
            {
                child++;
            }

            if (moving.DueNs <= _heap[child].DueNs)
            {
                break;
            }

            Place(_heap[child], index);
            index = child;
        }

        Place(moving, index);
    }

    private void Place(LoopTimer timer, int index)
    {
        _heap[index] = timer;
        timer.HeapIndex = index;
    }
}
