using NexusD.Routing.Queues;

namespace NexusD.Routing.Recovery;

/// <summary>The last events of one topic, and counts of those that were there before.</summary>
/// <remarks>
/// Invariant: at most as many events as <paramref name="capacity"/>, in the order in which they came. Places keep their
/// arrays, and the whole ring is used again for another topic, so that nothing is allocated in steady state.
/// </remarks>
internal sealed class RecoveryRing(int capacity)
{
    /// <summary>Publishers and classes whose forgotten events are counted one by one.</summary>
    public const int MaxForgotten = 8;

    // This object, its lists and its place in the table.
    private const int FixedBytes = 192;
    private const int RunBytes = 112;
    private const int ForgottenBytes = 48;

    private readonly QueuedRun[] _runs = new QueuedRun[capacity];
    private ForgottenEvents[] _forgotten = [];
    private int _forgottenCount;
    private int _head;
    private int _events;

    public Topic Topic { get; private set; } = null!;

    /// <summary>Place in the list of all rings.</summary>
    public int Index { get; set; }

    /// <summary>Used since the hand passed last.</summary>
    public bool WasUsed { get; set; }

    public int Runs { get; private set; }

    public int Events => _events;

    /// <summary>Memory, in bytes.</summary>
    public long Bytes { get; private set; } = FixedBytes + (capacity * RunBytes);

    /// <summary>Timestamp of the newest event that came in.</summary>
    public ulong LastTimestamp { get; private set; }

    /// <summary>Timestamp of the newest event that is gone and not counted in <see cref="Forgotten"/>.</summary>
    public ulong LostUpTo { get; private set; }

    public ReadOnlySpan<ForgottenEvents> Forgotten => _forgotten.AsSpan(0, _forgottenCount);

    /// <summary>The run at a place; 0 is the oldest.</summary>
    public ref QueuedRun this[int index] => ref _runs[Place(index)];

    /// <summary>Starts on a topic.</summary>
    public void Begin(Topic topic, ulong timestamp)
    {
        Topic = topic;
        topic.Ring = this;
        LastTimestamp = timestamp;
    }

    /// <summary>Takes the events of a run, at most as many as fit, in place of the oldest.</summary>
    public void Add(in EventRun run)
    {
        if (_events + run.Count > capacity)
        {
            MakeRoom(run.Count);
        }

        ref QueuedRun place = ref _runs[Place(Runs)];
        int former = place.Own?.Length ?? 0;
        place.TakeOwned(run);
        Bytes += place.Own!.Length - former;
        Runs++;
        _events += run.Count;
        LastTimestamp = run.Timestamp;
    }

    /// <summary>Counts events that came and are not kept.</summary>
    public void Forget(in EventRun run, int events)
    {
        LastTimestamp = run.Timestamp;
        Forget(run.Publisher, run.Priority, run.Number, events, run.Timestamp);
    }

    /// <summary>Ends work on the topic; what was known of it is lost.</summary>
    public void End()
    {
        Topic.Ring = null;
        Topic = null!;
        Runs = 0;
        _events = 0;
        _head = 0;
        _forgottenCount = 0;
        LostUpTo = 0;
    }

    /// <summary>Gives the memory back.</summary>
    public void Release()
    {
        foreach (ref QueuedRun run in _runs.AsSpan())
        {
            Bytes -= run.Own?.Length ?? 0;
            run.Release();
            run = default;
        }
    }

    private int Place(int index) => _head + index < capacity ? _head + index : _head + index - capacity;

    private void MakeRoom(int events)
    {
        while (_events > 0 && _events + events > capacity)
        {
            ref QueuedRun oldest = ref _runs[_head];
            int gone = Math.Min(oldest.Count, _events + events - capacity);
            Forget(oldest.Publisher, oldest.Priority, oldest.Number, gone, oldest.Timestamp);
            _events -= gone;
            if (gone < oldest.Count)
            {
                for (; gone > 0; gone--)
                {
                    oldest.SkipFirst(oldest.FirstEventBytes());
                }

                return;
            }

            Runs--;
            _head = Runs == 0 || _head + 1 == capacity ? 0 : _head + 1;
        }
    }

    private void Forget(ulong publisher, Protocol.Priority priority, ulong number, int events, ulong timestamp)
    {
        ref ForgottenEvents entry = ref Find(publisher, priority);
        if (entry.Count == 0)
        {
            entry.Low = number;
        }

        entry.Low = Math.Min(entry.Low, number);
        entry.High = Math.Max(entry.High, number + (ulong)events - 1);
        entry.Timestamp = Math.Max(entry.Timestamp, timestamp);
        entry.Count += events;
    }

    private ref ForgottenEvents Find(ulong publisher, Protocol.Priority priority)
    {
        int oldest = 0;
        for (int i = 0; i < _forgottenCount; i++)
        {
            ref ForgottenEvents entry = ref _forgotten[i];
            if (entry.Publisher == publisher && entry.Priority == priority)
            {
                return ref entry;
            }

            oldest = entry.Timestamp < _forgotten[oldest].Timestamp ? i : oldest;
        }

        int at = _forgottenCount;
        if (at == MaxForgotten)
        {
            at = oldest;
            LostUpTo = Math.Max(LostUpTo, _forgotten[oldest].Timestamp);
        }
        else if (_forgottenCount++ == _forgotten.Length)
        {
            int length = Math.Max(1, _forgotten.Length * 2);
            Bytes += (length - _forgotten.Length) * ForgottenBytes;
            Array.Resize(ref _forgotten, length);
        }

        _forgotten[at] = new ForgottenEvents { Publisher = publisher, Priority = priority };
        return ref _forgotten[at];
    }
}
