using NexusD.Buffers;
using NexusD.Protocol;

namespace NexusD.Peering.Links;

/// <summary>
/// One outgoing lane, over all links: what was written and not acknowledged, which aliases were declared on it, and
/// losses that the peer must hear of.
/// </summary>
internal sealed class LaneWriter
{
    private uint[] _declared = [];

    public LaneWriter(SlabPool pool, PeerChannel channel, byte number, Priority priority)
    {
        Number = number;
        Priority = priority;
        Journal = new LaneJournal(channel);
        Stream = new StreamWriter(pool);
        Stream.Open(Journal);
    }

    /// <summary>Number of the lane among all of the link, 0 to 11.</summary>
    public byte Number { get; }

    public Priority Priority { get; }

    public StreamWriter Stream { get; }

    /// <summary>What was written and is not acknowledged.</summary>
    public LaneJournal Journal { get; }

    public GapLedger Gaps { get; } = new();

    /// <summary>Losses that are not summed up; beside <see cref="Gaps"/>.</summary>
    public ExactLosses Exact { get; } = new();

    /// <summary>Whether something has to be told before the next run.</summary>
    public bool HasLosses => !Gaps.IsEmpty || Exact.Count > 0;

    /// <summary>
    /// True the first time that an alias is used on this lane with the meaning that <paramref name="epoch"/> stands
    /// for.
    /// </summary>
    public bool MustDeclare(uint alias, uint epoch)
    {
        if (alias < (uint)_declared.Length && _declared[alias] == epoch)
        {
            return false;
        }

        if (alias >= (uint)_declared.Length)
        {
            Array.Resize(ref _declared, (int)Math.Max(16, alias + (alias >> 1) + 1));
        }

        _declared[alias] = epoch;
        return true;
    }

    /// <summary>Declares every alias again: the peer may not know those of before.</summary>
    public void ForgetDeclared() => _declared = [];
}
