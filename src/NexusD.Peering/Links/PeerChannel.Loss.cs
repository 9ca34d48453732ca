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

    private void NoteHeld(LaneWriter lane, long from, DropReason unsent)
    {
        int later = lane.Exact.Count;
        lane.Journal.Visit(
            from,
            (frame, body, position) =>
            {
                DropReason reason = position < lane.Journal.Sent ? DropReason.LinkLost : unsent;
                if (IsForward(frame, body, out ForwardFrame forward, out int count))
                {
                    bool isRetained = (forward.Flags & RunFlags.Retain) != 0 && forward.Members.IsEmpty;
                    Note(lane, forward.Publisher, forward.Number, count, reason, isRetained);
                }
                else if (frame.Length >= GapFrame.HeaderBytes && frame[4] == PeerFrameKind.Gap
                    && GapFrame.TryRead(frame, out GapFrame gap) == ErrorCode.None)
                {
                    NoteAgain(lane, gap);
                }
            });
        lane.Exact.MoveBehind(later);
    }

    /// <summary>A loss that was counted when its notice was written, but the peer does not know of it.</summary>
    private void NoteAgain(LaneWriter lane, in GapFrame gap)
    {
        _hasGaps = true;
        var loss = new ExactLoss(gap.Publisher, gap.From, gap.Count, gap.Reason, gap.Count == 1, IsCounted: true);
        if (gap.Publisher == 0 || gap.To - gap.From + 1 != gap.Count || !lane.Exact.TryAdd(loss))
        {
            lane.Gaps.Add(gap.Publisher, gap.From, gap.To, gap.Count, gap.Reason);
        }
    }

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
                    if (IsForward(frame, body, out ForwardFrame run, out int count))
                    {
                        DropReason reason = position < lane.Journal.Sent ? DropReason.LinkLost : unsent;
                        Count(run.Publisher, run.Number, count, reason);
                    }
                });
            while (lane.Exact.TryTake(out ExactLoss loss))
            {
                if (!loss.IsCounted)
                {
                    Count(loss.Publisher, loss.From, (int)loss.Events, loss.Reason);
                }
            }
        }
    }

    private static bool IsForward(
        ReadOnlySpan<byte> frame, ReadOnlySpan<byte> body, out ForwardFrame forward, out int count)
    {
        count = 0;
        forward = default;
        if (frame[4] != PeerFrameKind.Forward || ForwardFrame.TryRead(frame, out forward) != ErrorCode.None)
        {
            return false;
        }

        var events = new RunReader(body.IsEmpty ? forward.Body : body);
        while (events.TryRead(out _))
        {
            count++;
        }

        return count > 0;
    }
}
