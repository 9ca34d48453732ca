using System.Collections;

namespace NexusdBench.History;

/// <summary>
/// Goes through what one subscription got, in the order in which it came: finds what is there twice, out of order or
/// from nowhere, and notes what the search for missing events needs.
/// </summary>
internal sealed class DeliveryScan
{
    private readonly RunHistory _history;
    private readonly SubscriptionLog _subscription;
    private readonly Verdict _verdict;
    private readonly BitArray[] _delivered;
    private readonly BitArray[] _thisConnection;
    private readonly long[,] _lastInOrder;
    private readonly Dictionary<(int Publisher, int Stream), SortedList<long, long>> _anchors = [];
    private readonly Dictionary<(int Publisher, int Stream), long[]> _highest = [];
    private readonly long[,] _highestOfAll;
    private readonly long[] _repaired;
    private int _connection = -1;

    internal DeliveryScan(RunHistory history, SubscriptionLog subscription, Verdict verdict)
    {
        _history = history;
        _subscription = subscription;
        _verdict = verdict;
        _delivered = [.. history.Publishers.Select(p => new BitArray((int)p.LastSent + 1))];
        _thisConnection = [.. history.Publishers.Select(p => new BitArray((int)p.LastSent + 1))];
        _lastInOrder = new long[history.Publishers.Count, history.Plan.Streams(subscription.IsPerTopic)];
        _repaired = new long[history.Publishers.Count];
        _highestOfAll = new long[history.Publishers.Count, Math.Max(1, subscription.Connections.Count)];
        foreach (var run in subscription.Runs.OrderBy(r => r.Order))
        {
            Take(run);
        }
    }

    internal bool Has(int publisher, long number) => _delivered[publisher][(int)number];

    /// <summary>Retained events that came behind later ones, by repair.</summary>
    internal long Repaired(int publisher) => _repaired[publisher];

    /// <summary>When the next event behind a missing one came, among runs and gaps; 0: never.</summary>
    internal long OrderOfNext(int publisher, int stream, long missing)
    {
        if (!_anchors.TryGetValue((publisher, stream), out var anchors))
        {
            return 0;
        }

        int low = 0, high = anchors.Count;
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = anchors.GetKeyAtIndex(middle) > missing ? (low, middle) : (middle + 1, high);
        }

        return low < anchors.Count ? anchors.GetValueAtIndex(low) : 0;
    }

    /// <summary>Highest number of a stream that came over the given connection or one before; 0: none.</summary>
    internal long HighestUpTo(int publisher, int stream, int connection)
    {
        if (!_highest.TryGetValue((publisher, stream), out var highest))
        {
            return 0;
        }

        return highest.Take(connection + 1).DefaultIfEmpty().Max();
    }

    /// <summary>Highest number that was not from a store, over the given connection or one before; 0: none.</summary>
    internal long HighestOfAllUpTo(int publisher, int connection) =>
        Enumerable.Range(0, connection + 1).Max(c => _highestOfAll[publisher, c]);

    private void Take(in DeliveredRun run)
    {
        if ((uint)run.Publisher >= (uint)_delivered.Length || run.First < 1
            || run.Last >= _delivered[run.Publisher].Length)
        {
            Violate(ViolationKind.NeverPublished, run.Publisher, $"event {run.Last} was never published");
            return;
        }

        var topic = _history.Plan.TopicOf(run.Publisher, run.First);
        if (!EventPlan.Matches(_subscription.Scope, topic)
            || EventPlan.StreamOf(_subscription.IsPerTopic, topic) != run.Stream)
        {
            Violate(ViolationKind.NotAskedFor, run.Publisher, $"event {run.First} is of topic {topic}");
            return;
        }

        if (run.Connection != _connection)
        {
            _connection = run.Connection;
            Array.ForEach(_thisConnection, static c => c.SetAll(false));
        }

        var anchored = false;
        for (var number = run.First; number != 0 && number <= run.Last;)
        {
            anchored |= TakeEvent(run, number, anchored);
            number = _history.Plan.NextInStream(_subscription, run.Publisher, run.Stream, number, run.Last);
        }
    }

    /// <returns>Whether the event stands in the order of its stream.</returns>
    private bool TakeEvent(in DeliveredRun run, long number, bool anchored)
    {
        var (publisher, stream) = (run.Publisher, run.Stream);
        var had = _delivered[publisher][(int)number];
        var isRetained = EventPlan.IsRetained(_history.Plan.TopicOf(publisher, number));

        // After a reconnect the store's events come again, flagged as such.
        if (_thisConnection[publisher][(int)number] || (had && run.Kind != DeliveryKind.Retained))
        {
            Violate(ViolationKind.Duplicate, publisher, $"event {number} came twice");
            return false;
        }

        _delivered[publisher][(int)number] = true;
        _thisConnection[publisher][(int)number] = true;
        if (run.Kind == DeliveryKind.Retained)
        {
            return false;
        }

        ref var highest = ref _highestOfAll[publisher, run.Connection];
        highest = Math.Max(highest, number);

        ref var last = ref _lastInOrder[publisher, stream];
        if (isRetained)
        {
            _repaired[publisher] += number < last ? 1 : 0;
            return false;
        }

        if (number < last)
        {
            Violate(ViolationKind.Reordered, publisher, $"event {number} came behind {last}");
            return false;
        }

        last = number;
        NoteAnchor(run, number, anchored);
        return true;
    }

    private void NoteAnchor(in DeliveredRun run, long number, bool anchored)
    {
        var key = (run.Publisher, run.Stream);
        if (!anchored)
        {
            if (!_anchors.TryGetValue(key, out var anchors))
            {
                _anchors[key] = anchors = [];
            }

            anchors.TryAdd(number, run.Order);
        }

        if (!_highest.TryGetValue(key, out var highest))
        {
            _highest[key] = highest = new long[Math.Max(_subscription.Connections.Count, run.Connection + 1)];
        }

        highest[run.Connection] = number;
    }

    private void Violate(ViolationKind kind, int publisher, string text) => _verdict.Add(new Violation(
        kind, _subscription.Name,
        (uint)publisher < (uint)_history.Publishers.Count ? _history.Publishers[publisher].Name : $"{publisher}",
        text));
}
