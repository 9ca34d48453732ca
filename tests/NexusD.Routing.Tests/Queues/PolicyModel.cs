using NexusD.Protocol;

namespace NexusD.Routing.Tests.Queues;

/// <summary>What a queue bounded in events should hold: one event at a time, in plain lists.</summary>
internal sealed class PolicyModel(OverflowPolicy policy, int maxEvents)
{
    private readonly List<Waiting>[] _classes = [[], [], []];

    public Dictionary<DropReason, long> Dropped { get; } = [];

    public int Count => _classes.Sum(c => c.Count);

    public long DroppedSum => Dropped.Values.Sum();

    /// <summary>The event whose turn it is; what expired before it is dropped.</summary>
    public Waiting? Peek(long nowMs)
    {
        foreach (List<Waiting> waiting in _classes)
        {
            DropExpired(waiting, nowMs);
            if (waiting.Count > 0)
            {
                return waiting[0];
            }
        }

        return null;
    }

    public void Dequeue() => _classes.First(c => c.Count > 0).RemoveAt(0);

    public void Enqueue(IReadOnlyList<Waiting> run, Priority priority, long nowMs)
    {
        if (policy == OverflowPolicy.Conflate)
        {
            Drop(DropReason.Conflated, run.Count - 1);
            Conflate(run[^1], Rank(priority), nowMs);
            return;
        }

        if (Count + run.Count > maxEvents)
        {
            Array.ForEach(_classes, c => DropExpired(c, nowMs));
        }

        List<Waiting> own = _classes[Rank(priority)];
        if (policy == OverflowPolicy.DropOldest)
        {
            int wanted = Math.Min(run.Count, maxEvents);
            while (Count + wanted > maxEvents && Lowest() is var lowest && lowest >= Rank(priority))
            {
                _classes[lowest].RemoveAt(0);
                Drop(DropReason.QueueFull, 1);
            }

            int kept = Math.Min(run.Count, maxEvents - Count);
            own.AddRange(run.TakeLast(kept));
            Drop(DropReason.QueueFull, run.Count - kept);
        }
        else
        {
            int kept = Math.Min(run.Count, maxEvents - Count);
            own.AddRange(run.Take(kept));
            Drop(DropReason.QueueFull, run.Count - kept);
        }
    }

    private void Conflate(Waiting last, int rank, long nowMs)
    {
        foreach (List<Waiting> waiting in _classes)
        {
            int at = waiting.FindIndex(w => w.Topic == last.Topic);
            if (at >= 0)
            {
                waiting[at] = last;
                Drop(DropReason.Conflated, 1);
                return;
            }
        }

        if (Count == maxEvents)
        {
            List<Waiting> lowest = _classes[Lowest()];
            Drop(lowest[0].IsExpired(nowMs) ? DropReason.Expired : DropReason.QueueFull, 1);
            lowest.RemoveAt(0);
        }

        _classes[rank].Add(last);
    }

    private int Lowest() => Array.FindLastIndex(_classes, c => c.Count > 0);

    private void DropExpired(List<Waiting> waiting, long nowMs)
    {
        while (waiting.Count > 0 && waiting[0].IsExpired(nowMs))
        {
            waiting.RemoveAt(0);
            Drop(DropReason.Expired, 1);
        }
    }

    private void Drop(DropReason reason, int events) =>
        Dropped[reason] = Dropped.GetValueOrDefault(reason) + events;

    private static int Rank(Priority priority) => priority switch
    {
        Priority.High => 0,
        Priority.Normal => 1,
        _ => 2,
    };

    internal sealed record Waiting(int Topic, ulong Publisher, ulong Number, long DueMs)
    {
        public bool IsExpired(long nowMs) => DueMs < nowMs;
    }
}
