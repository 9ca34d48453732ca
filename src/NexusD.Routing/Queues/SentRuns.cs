using NexusD.Buffers;
using NexusD.Protocol;
using NexusD.Protocol.App;

namespace NexusD.Routing.Queues;

/// <summary>
/// What was sent to a subscriber that is kept when its connection breaks, and is not confirmed yet: runs and gap
/// notices in the order in which they were sent.
/// </summary>
/// <remarks>
/// Bounded: the runs by the credit that lets them be sent, their bytes by <see cref="CutTo"/>, the notices by
/// <see cref="MaxGaps"/>; of more the oldest count as received.
/// </remarks>
internal sealed class SentRuns(SlabPool pool)
{
    /// <summary>Most notices that wait to be confirmed.</summary>
    public const int MaxGaps = 1024;

    private readonly Queue<(ulong AfterRuns, GapNotice Gap)> _gaps = new();
    private long _confirmedBytes;
    private long _cut; // what lies before this position has no bytes any more

    /// <summary>The runs.</summary>
    public ClassQueue Runs { get; } = new(pool);

    /// <summary>How much was confirmed.</summary>
    public StreamPosition Confirmed { get; private set; }

    /// <summary>Bytes that <see cref="CutTo"/> may give up.</summary>
    public long CuttableBytes => Runs.Bytes - ((long)Runs.Runs * QueuedRun.OverheadBytes);

    /// <summary>
    /// Gives up the bytes of the oldest runs, which are the most likely to have arrived, until all count at most so
    /// many. Only the subscriber knows what arrived: the numbers stay, and it is told what it lost when it is back.
    /// </summary>
    public void CutTo(long bytes)
    {
        long end = Runs.HeadPosition + Runs.Runs;
        for (_cut = Math.Max(_cut, Runs.HeadPosition); _cut < end && Runs.Bytes > bytes; _cut++)
        {
            Runs.Empty(_cut);
        }
    }

    public void Add(in EventRun run, int sentBytes)
    {
        long position = Runs.Append(run);
        Runs.At(position).SentBytes = sentBytes;
    }

    public void AddHeadOf(ClassQueue queue, int sentBytes) => Runs.AppendHeadOf(queue).SentBytes = sentBytes;

    public void Add(in GapNotice gap)
    {
        if (_gaps.Count == MaxGaps)
        {
            RemoveGap();
        }

        _gaps.Enqueue((Confirmed.Runs + (ulong)Runs.Runs, gap));
    }

    /// <summary>So many more bytes of DELIVER frames were received.</summary>
    public void Confirm(long bytes)
    {
        _confirmedBytes += bytes;
        while (!Runs.IsEmpty && Runs.Head.SentBytes <= _confirmedBytes)
        {
            _confirmedBytes -= Runs.Head.SentBytes;
            RemoveRun();
        }

        if (Runs.IsEmpty)
        {
            _confirmedBytes = 0; // more than was sent
        }

        RemoveGapsBeforeLastRun();
    }

    /// <summary>Everything up to a position was received; false when that cannot be, and nothing is done.</summary>
    public bool ConfirmTo(StreamPosition position)
    {
        if (position.Runs - Confirmed.Runs > (ulong)Runs.Runs || position.Gaps - Confirmed.Gaps > (ulong)_gaps.Count)
        {
            return false;
        }

        while (Confirmed.Runs < position.Runs)
        {
            RemoveRun();
        }

        while (Confirmed.Gaps < position.Gaps)
        {
            RemoveGap();
        }

        return true;
    }

    /// <summary>Everything up to the last run that the subscriber says it had was received.</summary>
    public void ConfirmTo(Recovery.ResumePoint point)
    {
        int received = Runs.Runs;
        while (received > 0 && !IsHad(point, Runs.At(Runs.HeadPosition + received - 1)))
        {
            received--;
        }

        for (; received > 0; received--)
        {
            RemoveRun();
        }

        RemoveGapsBeforeLastRun();
    }

    /// <summary>
    /// What is sent from now on follows what is confirmed; the notices are taken out to be told again.
    /// </summary>
    public void Rewind(Action<GapNotice> tell)
    {
        _confirmedBytes = 0;
        foreach ((_, GapNotice gap) in _gaps)
        {
            tell(gap);
        }

        _gaps.Clear();
    }

    private static bool IsHad(Recovery.ResumePoint point, in QueuedRun run) =>
        (run.Flags & RunFlags.Retained) == 0
        && point.HasNumber(run.Publisher, run.Priority, run.Number + (ulong)run.Count - 1);

    // A notice was received for sure when a run behind it was.
    private void RemoveGapsBeforeLastRun()
    {
        while (_gaps.TryPeek(out (ulong AfterRuns, GapNotice Gap) first) && first.AfterRuns < Confirmed.Runs)
        {
            RemoveGap();
        }
    }

    private void RemoveRun()
    {
        Runs.RemoveHead();
        Confirmed = Confirmed with { Runs = Confirmed.Runs + 1 };
    }

    private void RemoveGap()
    {
        _gaps.Dequeue();
        Confirmed = Confirmed with { Gaps = Confirmed.Gaps + 1 };
    }
}
