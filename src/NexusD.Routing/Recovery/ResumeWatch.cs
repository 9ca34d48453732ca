using NexusD.Protocol;

namespace NexusD.Routing.Recovery;

/// <summary>
/// Publishers of other nodes of which a resumed subscription may have missed events that no ring of this node shows:
/// the first events that come from each tell how many numbers lie between.
/// </summary>
/// <remarks>
/// An event that comes does not show by itself that the publisher's node knows the interest of the subscription: it may
/// be a retained one, which goes to every node, or be wanted by another subscription that came a little earlier. So
/// jumps in the numbers count as missed until <see cref="SettlingMs"/> are over and an event has come for its own sake.
/// </remarks>
public sealed class ResumeWatch
{
    /// <summary>Time in which other nodes learn what is wanted here while they are linked, in milliseconds.</summary>
    internal const long SettlingMs = 1_000;

    private readonly Dictionary<ulong, ulong> _known;
    private readonly string _where;
    private readonly long _settledMs;

    internal ResumeWatch(Dictionary<ulong, ulong> known, string where, ulong nowHlc)
    {
        _known = known;
        _where = where;
        _settledMs = HybridClock.UnixMs(nowHlc) + SettlingMs;
    }

    /// <summary>Whether no publisher is waited for any more.</summary>
    public bool IsDone => _known.Count == 0;

    /// <summary>Looks at a live run; true with what was missed before it.</summary>
    /// <param name="run">The run.</param>
    /// <param name="nowHlc">What time it is.</param>
    /// <param name="gap">What was missed.</param>
    public bool TryNote(in EventRun run, ulong nowHlc, out GapNotice gap)
    {
        gap = default;
        if (!_known.TryGetValue(run.Publisher, out ulong last))
        {
            return false;
        }

        if ((run.Flags & RunFlags.Retain) == 0 && HybridClock.UnixMs(nowHlc) >= _settledMs)
        {
            _known.Remove(run.Publisher);
        }
        else
        {
            _known[run.Publisher] = Math.Max(last, run.LastNumber);
        }

        if (run.Number <= last + 1)
        {
            return false;
        }

        ulong count = run.Number - last - 1;
        gap = new GapNotice(run.Publisher, last + 1, run.Number - 1, count, DropReason.Missed, _where);
        return true;
    }
}
