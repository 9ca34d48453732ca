using NexusD.Buffers;
using NexusD.Protocol;
using NexusD.Protocol.Greetings;
using NexusD.Quic;

namespace NexusD.Peering.Links;

/// <summary>
/// The outgoing lanes of a link. A publisher's events of one priority class always use the same lane, so that their
/// order is that of a stream (peer-v1.md, "Streams"). Lanes are opened when first used.
/// </summary>
internal sealed class LaneSet(SlabPool pool, MeshOptions options)
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

    /// <summary>The lane of a publisher; null when the peer grants no stream for it.</summary>
    public LaneWriter? For(IQuicConnection connection, Priority priority, ulong publisher)
    {
        LaneWriter?[] lanes = _classes[(int)priority];
        int index = (int)(publisher % (uint)lanes.Length);
        return lanes[index] ?? OpenLane(connection, priority, index);
    }

    private LaneWriter? OpenLane(IQuicConnection connection, Priority priority, int index)
    {
        LaneWriter?[] lanes = _classes[(int)priority];
        long stream = connection.OpenStream(unidirectional: true);
        if (stream < 0)
        {
            // A peer that grants fewer streams gets fewer lanes. The choice is kept, or else a publisher would change
            // lanes.
            LaneWriter? other = Array.Find(lanes, static lane => lane is not null);
            return other is null ? null : lanes[index] = other;
        }

        var lane = new LaneWriter(pool, (byte)_open.Count, priority);
        lane.Stream.Open(connection, stream);
        StreamPreamble.ForLane(lane.Number, priority).Write(lane.Stream.Reserve(StreamPreamble.Size));
        _open.Add(lane);
        return lanes[index] = lane;
    }
}
