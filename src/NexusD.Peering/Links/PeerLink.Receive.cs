using NexusD.Buffers;
using NexusD.Protocol;
using NexusD.Protocol.Greetings;
using NexusD.Quic;

namespace NexusD.Peering.Links;

/// <summary>
/// Lanes in. Each byte is given back as credit when it was processed; bytes that may not be read yet are held and not
/// given back.
/// </summary>
internal sealed partial class PeerLink
{
    private readonly LaneReader?[] _lanesIn = new LaneReader?[ProtocolLimits.MaxLanes];

    // Before the HELLO nothing may be delivered, and before LANE_RESUME it is not known where a lane goes on.
    private bool HoldsLanes => _phase == LinkPhase.AwaitingHello || _channel is not { IsFlowing: true };

    // RFC 9000 section 2.1: ids of a kind count in fours.
    private static int LaneIndex(long stream) => (int)(stream >> 2);

    private void OpenLane(long stream)
    {
        int index = LaneIndex(stream);
        if ((uint)index >= (uint)_lanesIn.Length)
        {
            Fail(LinkFault.Malformed($"more than {ProtocolLimits.MaxLanes} lanes"));
            return;
        }

        _lanesIn[index] ??= new LaneReader(_mesh, number => _channel!.Claim(this, number));
    }

    private void ReadLane(IQuicConnection connection, long stream, ReadOnlySpan<byte> data, bool end)
    {
        if (_phase == LinkPhase.Retiring)
        {
            connection.Consume(stream, data.Length); // comes again on the link that is kept
            return;
        }

        int index = LaneIndex(stream);
        if ((uint)index >= (uint)_lanesIn.Length || _lanesIn[index] is not { } lane)
        {
            Fail(LinkFault.Malformed($"data on stream {stream}, which is no lane"));
            return;
        }

        lane.IsEnded |= end;
        if (HoldsLanes)
        {
            lane.Held.Add(data);
            if (_phase == LinkPhase.AwaitingHello && !IsDialed && lane.Held.Length > StreamPreamble.Size)
            {
                // A dialer may not send events before it has our HELLO, and we send ours after we have read its.
                Fail(new LinkFault(ErrorCode.OutOfOrder, "a frame on a lane before HELLO"));
            }

            return;
        }

        LinkFault fault = lane.Read(data);
        if (!fault.IsFault && end)
        {
            fault = lane.End();
        }

        AfterLane(connection, stream, data.Length, fault);
    }

    /// <summary>Reads what was held, when nothing holds it any more.</summary>
    private void ReleaseLanes()
    {
        for (int index = 0; index < _lanesIn.Length && !HoldsLanes && IsConnected; index++)
        {
            if (_lanesIn[index] is { HasWaiting: true } lane)
            {
                ReleaseLane(lane, StreamOf(index));
            }
        }
    }

    private void ReleaseLane(LaneReader lane, long stream)
    {
        LinkFault fault = LinkFault.None;
        int bytes = 0;
        while (!fault.IsFault && lane.Held.TryTake(out Slab slab, out int length))
        {
            fault = lane.Read(slab.Slice(0, length));
            slab.Release();
            bytes += length;
        }

        if (!fault.IsFault && lane.IsEnded)
        {
            fault = lane.End();
        }

        AfterLane(_connection!, stream, bytes, fault);
    }

    // The acceptor's streams have odd ids, the dialer's even ones; 2 marks unidirectional ones (RFC 9000 section 2.1).
    private long StreamOf(int index) => ((long)index << 2) | (IsDialed ? 3L : 2L);

    /// <summary>Gives back what was held; it is read on another link.</summary>
    private void DropLanes()
    {
        for (int index = 0; index < _lanesIn.Length; index++)
        {
            if (_lanesIn[index] is { } lane)
            {
                int bytes = (int)lane.Held.Length;
                lane.Reset();
                if (bytes > 0)
                {
                    _connection!.Consume(StreamOf(index), bytes);
                }
            }
        }
    }

    private void AfterLane(IQuicConnection connection, long stream, int bytes, in LinkFault fault)
    {
        if (fault.IsFault)
        {
            Fail(fault);
            return;
        }

        _mesh.Observe(_channel!.Ledger.LatestTimestamp);
        if (bytes > 0)
        {
            connection.Consume(stream, bytes);
            CountRouted(bytes);
        }
    }
}
