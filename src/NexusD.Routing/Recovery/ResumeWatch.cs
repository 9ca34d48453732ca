using NexusD.Protocol;

namespace NexusD.Routing.Recovery;

/// <summary>
/// Publishers of other nodes of which a resumed subscription may have missed events that no ring of this node shows:
/// the first event that comes from each tells how many numbers lie between.
/// </summary>
public sealed class ResumeWatch
{
    private readonly Dictionary<ulong, ulong> _known;
    private readonly string _where;

    internal ResumeWatch(Dictionary<ulong, ulong> known, string where)
    {
        _known = known;
        _where = where;
    }

    /// <summary>Whether no publisher is waited for any more.</summary>
    public bool IsDone => _known.Count == 0;

    /// <summary>Looks at a live run; true with what was missed before it.</summary>
    public bool TryNote(in EventRun run, out GapNotice gap)
    {
        gap = default;
        if (!_known.Remove(run.Publisher, out ulong last) || run.Number <= last + 1)
        {
            return false;
        }

        ulong count = run.Number - last - 1;
        gap = new GapNotice(run.Publisher, last + 1, run.Number - 1, count, DropReason.Missed, _where);
        return true;
    }
}
