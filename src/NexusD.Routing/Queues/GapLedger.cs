using NexusD.Protocol;

namespace NexusD.Routing.Queues;

/// <summary>
/// Losses that a subscriber has not been told of yet, one entry for each publisher, reason and place.
/// </summary>
/// <remarks>
/// Bounded: beyond <see cref="MaxEntries"/> the losses of further publishers are summed up under publisher 0, by reason
/// and by whether they happened here (with losses elsewhere the place is left open). Counts are exact at all times.
/// </remarks>
internal sealed class GapLedger(string node)
{
    /// <summary>Most entries that name a publisher.</summary>
    public const int MaxEntries = 64;

    private const int Reasons = DropReasonNames.Count;

    private readonly List<GapNotice> _entries = [];
    private ulong[]? _manyHere;
    private ulong[]? _manyElsewhere;
    private int _summed;
    private int _latest;

    public bool IsEmpty => _entries.Count == 0 && _summed == 0;

    /// <summary>Notes a loss at this node.</summary>
    public void Add(ulong publisher, ulong from, int count, DropReason reason) =>
        Add(new GapNotice(publisher, from, from + (ulong)count - 1, (ulong)count, reason, node));

    /// <summary>Notes a loss.</summary>
    public void Add(in GapNotice gap)
    {
        if (gap.Publisher == 0)
        {
            Sum(gap);
            return;
        }

        if (_latest >= _entries.Count || !IsSame(_entries[_latest], gap))
        {
            _latest = Find(gap);
            if (_latest == _entries.Count)
            {
                if (_entries.Count == MaxEntries)
                {
                    Sum(gap);
                }
                else
                {
                    _entries.Add(gap);
                }

                return;
            }
        }

        GapNotice former = _entries[_latest];
        _entries[_latest] = former with
        {
            From = Math.Min(former.From, gap.From),
            To = Math.Max(former.To, gap.To),
            Count = former.Count + gap.Count,
        };
    }

    /// <summary>Takes a notice out that the subscriber is told now.</summary>
    public bool TryTake(out GapNotice gap)
    {
        if (_entries.Count > 0)
        {
            gap = _entries[^1];
            _entries.RemoveAt(_entries.Count - 1);
            return true;
        }

        gap = default;
        return _summed > 0 && (TryTakeSum(_manyHere, node, out gap) || TryTakeSum(_manyElsewhere, "", out gap));
    }

    private static bool IsSame(in GapNotice one, in GapNotice other) =>
        one.Publisher == other.Publisher && one.Reason == other.Reason && one.Where == other.Where;

    private int Find(in GapNotice gap)
    {
        int at = 0;
        while (at < _entries.Count && !IsSame(_entries[at], gap))
        {
            at++;
        }

        return at;
    }

    private void Sum(in GapNotice gap)
    {
        ref ulong[]? sums = ref gap.Where == node ? ref _manyHere : ref _manyElsewhere;
        sums ??= new ulong[Reasons];
        ref ulong sum = ref sums[(int)gap.Reason < Reasons ? (int)gap.Reason : 0];
        _summed += sum == 0 ? 1 : 0;
        sum += gap.Count;
    }

    private bool TryTakeSum(ulong[]? sums, string where, out GapNotice gap)
    {
        for (int reason = 0; reason < (sums?.Length ?? 0); reason++)
        {
            if (sums![reason] > 0)
            {
                gap = new GapNotice(0, 0, 0, sums[reason], (DropReason)reason, where);
                sums[reason] = 0;
                _summed--;
                return true;
            }
        }

        gap = default;
        return false;
    }
}
