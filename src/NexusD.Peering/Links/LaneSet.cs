using NexusD.Buffers;
using NexusD.Protocol;

namespace NexusD.Peering.Links;

/// <summary>
/// The outgoing lanes to a peer. A publisher's events of one priority class always use the same lane, so that their
/// order is that of a stream (peer-v1.md, "Streams"). Lanes are opened when first used.
/// </summary>
internal sealed class LaneSet(PeerChannel channel, SlabPool pool, MeshOptions options)
{
    private readonly LaneWriter?[][] _classes =
    [
        new LaneWriter?[options.NormalLanes],
        new LaneWriter?[options.HighLanes],
        new LaneWriter?[options.LowLanes],
    ];

    private readonly List<LaneWriter> _open = [];

    /// <summary>Lanes opened so far, in the order of their numbers.</summary>
    public List<LaneWriter> Open => _open;

    /// <summary>The lane of a publisher.</summary>
    public LaneWriter For(Priority priority, ulong publisher)
    {
        LaneWriter?[] lanes = _classes[(int)priority];
        int index = (int)(publisher % (uint)lanes.Length);
        return lanes[index] ?? OpenLane(priority, index);
    }

    private LaneWriter OpenLane(Priority priority, int index)
    {
        LaneWriter?[] lanes = _classes[(int)priority];
        var lane = new LaneWriter(pool, channel, (byte)_open.Count, priority);
        if (!channel.TryConnect(lane) && Array.Find(lanes, static lane => lane is not null) is { } other)
        {
            // A peer that grants fewer streams gets fewer lanes. The choice is kept, or else a publisher would change
            // lanes.
            return lanes[index] = other;
        }

        _open.Add(lane);
        return lanes[index] = lane;
    }
}
