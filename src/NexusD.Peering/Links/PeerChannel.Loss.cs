using NexusD.Protocol;
using NexusD.Protocol.Frames;
using NexusD.Protocol.Peer;

namespace NexusD.Peering.Links;

/// <summary>What is given up: counted by reason, and noted for the peer where there is one to be told.</summary>
internal sealed partial class PeerChannel
{
    /// <summary>
    /// What was sent and not acknowledged is kept beyond the holding time up to this size: a peer that comes back says
    /// how much of it had arrived, and only then it is known what was lost.
    /// </summary>
    private const long MostKeptBytes = 4 * 1024 * 1024;

    /// <summary>Gives everything up and begins the lanes anew; the peer is told what it lost.</summary>
    private void GiveUpAll(DropReason unsent)
    {
        foreach (LaneWriter lane in _lanes.Open)
        {
            lane.Stream.Flush();
            NoteHeld(lane, 0, unsent);
            lane.Journal.Restart();
            lane.ForgetDeclared();
        }
    }

    /// <summary>The holding time is over: what never left is given up, and nothing more is queued.</summary>
    private void StopHolding()
    {
        _stage = ChannelStage.Counting;
        _limit = -1; // every run meets the bound
        long kept = 0;
        foreach (LaneWriter lane in _lanes.Open)
        {
            lane.Stream.Flush();
            kept += lane.Journal.Sent - lane.Journal.Acknowledged;
        }

        if (kept > MostKeptBytes)
        {
            GiveUpAll(DropReason.LinkDown);
            OwnRun = _mesh.Tick();
            return;
        }

        foreach (LaneWriter lane in _lanes.Open)
        {
            NoteHeld(lane, lane.Journal.Sent, DropReason.LinkDown);
            lane.Journal.DropUnsent();
            lane.ForgetDeclared(); // some declarations were among it
        }
    }

    private void NoteHeld(LaneWriter lane, long from, DropReason unsent) => lane.Journal.Visit(
        from,
        (frame, body, position) =>
        {
            DropReason reason = position < lane.Journal.Sent ? DropReason.LinkLost : unsent;
            if (IsForward(frame, body, out ulong publisher, out ulong number, out int count))
            {
                Note(lane, publisher, number, count, reason);
            }
            else if (frame.Length >= GapFrame.HeaderBytes && frame[4] == PeerFrameKind.Gap
                && GapFrame.TryRead(frame, out GapFrame gap) == ErrorCode.None)
            {
                // Was counted when it was written, but the peer does not know of it.
                lane.Gaps.Add(gap.Publisher, gap.From, gap.To, gap.Count, gap.Reason);
                _hasGaps = true;
            }
        });

    /// <summary>Counts what is held without noting it: nobody is left to be told.</summary>
    private void CountHeld(DropReason unsent)
    {
        foreach (LaneWriter lane in _lanes.Open)
        {
            lane.Stream.Flush();
            lane.Journal.Visit(
                0,
                (frame, body, position) =>
                {
                    if (IsForward(frame, body, out ulong publisher, out ulong number, out int count))
                    {
                        Count(publisher, number, count, position < lane.Journal.Sent ? DropReason.LinkLost : unsent);
                    }
                });
        }
    }

    private static bool IsForward(
        ReadOnlySpan<byte> frame, ReadOnlySpan<byte> body, out ulong publisher, out ulong number, out int count)
    {
        (publisher, number, count) = (0, 0, 0);
        if (frame[4] != PeerFrameKind.Forward
            || ForwardFrame.TryRead(frame, out ForwardFrame forward) != ErrorCode.None)
        {
            return false;
        }

        publisher = forward.Publisher;
        number = forward.Number;
        var events = new RunReader(body.IsEmpty ? forward.Body : body);
        while (events.TryRead(out _))
        {
            count++;
        }

        return count > 0;
    }
}
