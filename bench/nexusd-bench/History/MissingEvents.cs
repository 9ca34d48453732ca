using NexusD.Protocol;

namespace NexusdBench.History;

/// <summary>
/// What is missing of one publisher's events at one subscription, and what explains it: a told loss, or one of the
/// exceptions that the protocol texts make for what nobody is left to tell.
/// </summary>
/// <remarks>
/// Exceptions, each for one unbroken stretch of a stream only: events that went with the publisher's daemon when it
/// died, and those that the next one took before it knew who wants them; events that were published while the
/// subscriber was not connected, unless it resumes; events that the publisher never got to its daemon for certain. A
/// retained event may come out of order by repair, so it neither ends a stretch nor begins one.
/// </remarks>
internal sealed class MissingEvents(
    RunHistory history, SubscriptionLog subscription, int publisher, DeliveryScan scan, bool strict)
{
    private readonly PublisherLog _log = history.Publishers[publisher];
    private readonly List<(long Number, int Stream)> _required = [];
    private readonly List<long> _possible = [];
    private readonly List<long> _inDoubt = [];
    private readonly Dictionary<long, long> _excuses = [];

    internal PairFigures Figures { get; } = new() { Repaired = scan.Repaired(publisher) };

    /// <summary>Events that only the publisher's doubt excuses.</summary>
    internal IReadOnlyList<long> InDoubt => _inDoubt;

    /// <summary>Looks for what is missing.</summary>
    /// <param name="isKnown">Whether some subscription got an event, so that its daemon had it.</param>
    /// <param name="verdict">Takes what nothing explains.</param>
    internal void Find(Func<long, bool> isKnown, Verdict verdict)
    {
        var plan = history.Plan;
        var open = new List<long>?[plan.Streams(subscription.IsPerTopic)];
        var before = new long[open.Length];
        for (long number = 1; number <= _log.LastSent; number++)
        {
            var topic = plan.TopicOf(publisher, number);
            if (!EventPlan.Matches(subscription.Scope, topic))
            {
                continue;
            }

            var stream = EventPlan.StreamOf(subscription.IsPerTopic, topic);
            var isHere = scan.Has(publisher, number);
            var counts = number >= _log.Begin;
            Figures.Wanted += counts ? 1 : 0;
            Figures.Delivered += counts && isHere ? 1 : 0;
            if (!isHere)
            {
                (open[stream] ??= []).Add(number);
            }
            else if (EventPlan.IsRetained(topic))
            {
                _possible.Add(number); // told as lost, it may still have come by repair or from the store
            }
            else
            {
                Explain(open[stream], (before[stream], number), stream, isKnown);
                open[stream]?.Clear();
                before[stream] = number;
            }
        }

        for (var stream = 0; stream < open.Length; stream++)
        {
            Explain(open[stream], (before[stream], long.MaxValue), stream, isKnown);
        }

        Settle(verdict);
    }

    /// <param name="stretch">Missing numbers that follow each other in the stream.</param>
    /// <param name="between">The events before and behind them that came.</param>
    /// <param name="stream">Their stream.</param>
    /// <param name="isKnown">Whether some subscription got an event.</param>
    private void Explain(List<long>? stretch, (long Before, long Behind) between, int stream, Func<long, bool> isKnown)
    {
        foreach (var number in stretch ?? [])
        {
            if (number < _log.Begin)
            {
                _possible.Add(number);
            }
            else if (!strict && IsLostWithNode(between, number))
            {
                Figures.Crashed++;
                _possible.Add(number);
            }
            else if (!strict && IsWhileAway(number, between.Before, stream))
            {
                Figures.Away++;
                _possible.Add(number);
            }
            else if (_log.IsInDoubt(number) && !isKnown(number))
            {
                Figures.InDoubt++;
                _possible.Add(number);
                _inDoubt.Add(number);
            }
            else
            {
                _required.Add((number, stream));
            }
        }
    }

    /// <summary>
    /// Whether an event went with a daemon that died, or was taken by the next one before it knew who wants it. A
    /// daemon that left in order has delivered all that it took, where it could reach the subscriber's node.
    /// </summary>
    private bool IsLostWithNode((long Before, long Behind) between, long number)
    {
        for (var i = 1; i < _log.Connections.Count; i++)
        {
            var (before, now) = (_log.Connections[i - 1], _log.Connections[i]);
            if (now.NodeId != before.NodeId
                && (!now.LeftInOrder || number > now.ConfirmedBefore || WereApart(before.Node, now))
                && between.Before <= now.SentBefore && between.Behind > now.ConfirmedBefore
                && _log.ClockOf(number) <= ExcusedUntil(now))
            {
                return true;
            }
        }

        return false;
    }

    private bool WereApart(string node, in ConnectionRecord left)
    {
        var (from, to) = (left.BrokenClock - history.Grace, left.Clock);
        var other = NodeAt(subscription.Connections, left.BrokenClock);
        return history.Faults.Exists(f => f.From <= to && f.To >= from && f.Keeps(node, other));
    }

    private bool IsWhileAway(long number, long before, int stream)
    {
        for (var i = 1; i < subscription.Connections.Count; i++)
        {
            var had = scan.HighestUpTo(publisher, stream, i - 1);
            if (subscription.Resumes && !subscription.IsPerTopic && had > 0
                && number > scan.HighestOfAllUpTo(publisher, i - 1))
            {
                continue; // it said what it had, so it has to be told what it missed behind that
            }

            if (number > had && before <= had
                && _log.ClockOf(number) <= ExcusedUntil(subscription.Connections[i]))
            {
                return true;
            }
        }

        return false;
    }

    private long ExcusedUntil(in ConnectionRecord made)
    {
        if (_excuses.TryGetValue(made.Clock, out var until))
        {
            return until;
        }

        // Either may have moved; the nodes in use at that moment count.
        var (from, to) = (NodeAt(_log.Connections, made.Clock), NodeAt(subscription.Connections, made.Clock));
        return _excuses[made.Clock] = history.ExcusedUntil(made.Clock, from, to);
    }

    private static string NodeAt(List<ConnectionRecord> connections, long clock) =>
        connections.FindLast(c => c.Clock <= clock) is { Node: { } node } ? node : connections[0].Node;

    /// <summary>
    /// Holds what is missing against what was told. That every missing event can be given to a told loss, and that
    /// every exact loss can be filled with missing ones, are looked at apart: where both can be done, both can be done
    /// at once (Mendelsohn and Dulmage, 1958).
    /// </summary>
    private void Settle(Verdict verdict)
    {
        _required.Sort();
        var ranges = Ranges();
        var numbers = _required.ConvertAll(static r => r.Number);
        var (uncovered, _) = LossRange.Match(numbers, ranges);
        Figures.Told += numbers.Count - uncovered.Count;
        Figures.Unaccounted += uncovered.Count;
        foreach (var (first, last, count) in Stretches(uncovered))
        {
            Violate(
                verdict, ViolationKind.Unaccounted,
                $"{count} events from {first} to {last} are missing, published until {Seconds(_log.ClockOf(last))} s, "
                + "and not told");
        }

        _possible.AddRange(numbers);
        _possible.Sort();
        var (_, unused) = LossRange.Match(_possible, ranges.Where(r => !r.IsUpperBound));
        foreach (var range in unused)
        {
            Violate(
                verdict, ViolationKind.OverTold,
                $"{range.Count} more events were told as lost from {range.From} to {range.To} than are missing");
        }

        var untold = uncovered.ToHashSet();
        var late = _required.Where(r => !untold.Contains(r.Number) && IsToldLate(r.Number, r.Stream, ranges));
        foreach (var (first, last, count) in Stretches([.. late.Select(r => r.Number)]))
        {
            Violate(
                verdict, ViolationKind.ToldLate,
                $"the loss of {count} events from {first} to {last} was told behind a later event");
        }
    }

    private bool IsToldLate(long number, int stream, List<LossRange> ranges)
    {
        var next = scan.OrderOfNext(publisher, stream, number);
        return next > 0 && !ranges.Exists(r => r.From <= number && number <= r.To && r.Order < next);
    }

    /// <summary>
    /// Losses of this publisher. A loss on a link is told with the count for the node: of a subscription to some topics
    /// only it may be too high, as it may be where the protocol says so.
    /// </summary>
    private List<LossRange> Ranges()
    {
        var ranges = new List<LossRange>();
        foreach (var gap in subscription.Gaps)
        {
            if (gap.Publisher != 0 && _log.Has(gap.Publisher))
            {
                var elsewhere = subscription.Connections[gap.Connection].Node != gap.Where;
                var isUpperBound = gap.Reason is DropReason.Missed or DropReason.LinkLost
                    || (elsewhere && subscription.Scope != TopicScope.All);
                ranges.Add(new LossRange(gap.From, gap.To, gap.Count, gap.Order, isUpperBound));
            }
        }

        return ranges;
    }

    private static IEnumerable<(long First, long Last, int Count)> Stretches(List<long> numbers)
    {
        for (var i = 0; i < numbers.Count;)
        {
            var start = i;
            while (++i < numbers.Count && numbers[i] - numbers[i - 1] < 100)
            {
            }

            yield return (numbers[start], numbers[i - 1], i - start);
        }
    }

    private static string Seconds(long clock) =>
        (clock / 1e9).ToString("0.000", System.Globalization.CultureInfo.InvariantCulture);

    private void Violate(Verdict verdict, ViolationKind kind, string text) =>
        verdict.Add(new Violation(kind, subscription.Name, _log.Name, text));
}
