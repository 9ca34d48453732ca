using NexusD.Buffers;
using NexusD.Protocol;

namespace NexusD.Peering.Links;

/// <summary>
/// One outgoing lane: its stream, which aliases were declared on it, and losses that the peer must hear of.
/// </summary>
internal sealed class LaneWriter(SlabPool pool, byte number, Priority priority)
{
    private uint[] _declared = [];

    /// <summary>Number of the lane among all of the link, 0 to 11.</summary>
    public byte Number { get; } = number;

    public Priority Priority { get; } = priority;

    public StreamWriter Stream { get; } = new(pool);

    public GapLedger Gaps { get; } = new();

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
}
