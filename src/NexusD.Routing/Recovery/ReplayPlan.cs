using NexusD.Protocol;
using NexusD.Routing.Publishers;
using NexusD.Routing.Queues;

namespace NexusD.Routing.Recovery;

/// <summary>Works out what a resumed subscription is replayed, and what it has missed for good.</summary>
/// <remarks>
/// The figures are never too low as far as numbers show: see docs/protocol/app-v1.md "Resuming" for when they are
/// exact.
/// </remarks>
internal sealed class ReplayPlan(ResumePoint point, PublisherTable publishers)
{
    private readonly HashSet<RecoveryRing> _rings = [];
    private readonly Dictionary<ulong, MissedRange> _counted = [];
    private readonly Dictionary<ulong, ulong> _highest = [];

    public List<ReplayRun> Runs { get; } = [];

    public List<GapNotice> Gaps { get; } = [];

    /// <summary>Of publishers of other nodes the last number known here.</summary>
    public Dictionary<ulong, ulong> Watched { get; } = [];

    /// <summary>Takes a ring whose topic matches.</summary>
    public void Add(RecoveryRing ring)
    {
        if (!_rings.Add(ring))
        {
            return;
        }

        for (int i = 0; i < ring.Runs; i++)
        {
            ref QueuedRun run = ref ring[i];
            ulong last = run.Number + (ulong)run.Count - 1;
            if (point.IsHad(run.Publisher, run.Priority, last, run.Timestamp))
            {
                continue;
            }

            ulong had = point.LastNumber(run.Publisher, run.Priority);
            Runs.Add(new ReplayRun(run, had < run.Number ? 0 : (int)(had - run.Number + 1)));
            _highest[run.Publisher] = Math.Max(last, _highest.GetValueOrDefault(run.Publisher));
        }

        foreach (ref readonly ForgottenEvents gone in ring.Forgotten)
        {
            AddForgotten(gone);
        }
    }

    /// <summary>Puts the runs in order and sums up what is missed.</summary>
    /// <param name="lostUpTo">Timestamp of the newest event that left the rings uncounted.</param>
    /// <param name="where">Name of this node.</param>
    public void Complete(ulong lostUpTo, string where)
    {
        Sort();
        foreach ((ulong publisher, (ulong number, ulong timestamp)) in point.Publishers)
        {
            PublisherRecord? record = publishers.Find(publisher);
            bool isLocal = record is { IsLocal: true };
            ulong highest = Math.Max(number, _highest.GetValueOrDefault(publisher));
            if (isLocal && number + 1 >= record!.LocalFrom && lostUpTo < timestamp)
            {
                continue; // all that it published since passed this node and is counted
            }

            // Numbers alone: all that lie between might have matched.
            highest = isLocal ? Math.Max(highest, record!.LastNumber) : highest;
            var range = new MissedRange();
            if (highest > number)
            {
                range.Add(number + 1, highest, highest - number);
            }

            _counted[publisher] = range;
            if (!isLocal)
            {
                Watched[publisher] = highest;
            }
        }

        AddGaps(where);
    }

    private void AddForgotten(in ForgottenEvents gone)
    {
        if (point.IsHad(gone.Publisher, gone.Priority, gone.High, gone.Timestamp))
        {
            return;
        }

        ulong from = Math.Max(gone.Low, point.LastNumber(gone.Publisher, gone.Priority) + 1);
        MissedRange range = _counted.GetValueOrDefault(gone.Publisher);
        range.Add(from, gone.High, Math.Min((ulong)gone.Count, gone.High - from + 1));
        _counted[gone.Publisher] = range;
        _highest[gone.Publisher] = Math.Max(gone.High, _highest.GetValueOrDefault(gone.Publisher));
    }

    private void AddGaps(string where)
    {
        var replayed = new Dictionary<ulong, ulong>();
        foreach (ReplayRun run in Runs)
        {
            if (_counted.TryGetValue(run.Run.Publisher, out MissedRange range))
            {
                ulong former = replayed.GetValueOrDefault(run.Run.Publisher);
                replayed[run.Run.Publisher] = former + range.Overlap(run.FirstNumber, run.LastNumber);
            }
        }

        foreach ((ulong publisher, MissedRange range) in _counted)
        {
            ulong numbers = range.Count == 0 ? 0 : range.To - range.From + 1;
            ulong count = Math.Min(range.Count, numbers - Math.Min(numbers, replayed.GetValueOrDefault(publisher)));
            if (count > 0)
            {
                Gaps.Add(new GapNotice(publisher, range.From, range.To, count, DropReason.Missed, where));
            }
        }
    }

    /// <summary>By time as far as that keeps each publisher's order, else by publisher.</summary>
    private void Sort()
    {
        Runs.Sort(ReplayRun.CompareByTime);
        var last = new Dictionary<ulong, ulong>();
        foreach (ReplayRun run in Runs)
        {
            if (last.TryGetValue(run.Run.Publisher, out ulong number) && number > run.Run.Number)
            {
                Runs.Sort(ReplayRun.CompareByNumber);
                return;
            }

            last[run.Run.Publisher] = run.Run.Number;
        }
    }
}
