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

    /// <summary>
    /// Gives up the newest events for a peer that cannot be reached, until what is left holds at most so many bytes;
    /// but nothing that was sent, since only the peer knows whether it arrived.
    /// </summary>
    public void CutTo(long bytes)
    {
        if (!IsCuttable || QueuedBytes + WaitingBytes() <= bytes)
        {
            return;
        }

        long share = Math.Max(0, bytes - SentBytes()) / Math.Max(1, _lanes.Open.Count);
        foreach (LaneWriter lane in _lanes.Open)
        {
            lane.Stream.Flush();
            CutUnsent(lane, share);
            lane.Stream.Trim();
        }
    }

    /// <summary>Bytes that <see cref="CutTo"/> could give up.</summary>
    public long CuttableBytes => IsCuttable ? PendingBytes - SentBytes() : 0;

    // No link has it in hand.
    private bool IsCuttable => Link is null && _stage is ChannelStage.Held or ChannelStage.Counting;

    private long SentBytes()
    {
        long sent = 0;
        foreach (LaneWriter lane in _lanes.Open)
        {
            sent += lane.Journal.Sent - lane.Journal.Acknowledged;
        }

        return sent;
    }

    private void CutUnsent(LaneWriter lane, long keep)
    {
        LaneJournal journal = lane.Journal;
        if (journal.Written - journal.Sent <= keep)
        {
            return;
        }

        long cut = journal.Written;
        journal.Visit(
            journal.Sent,
            (_, _, position) => cut = position >= journal.Sent + keep ? Math.Min(cut, position) : cut);
        NoteHeld(lane, cut, DropReason.Memory);
        journal.DropFrom(cut);
        lane.ForgetDeclared(); // some declarations were among it
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
                    if (forward.MembersOnly)
                    {
                        Count(forward.Publisher, forward.Number, count, reason);
                        return;
                    }

                    bool isRetained = (forward.Flags & RunFlags.Retain) != 0;
                    Span<uint> members = stackalloc uint[ForwardFrame.MaxMembers];
                    members = members[..(forward.Members.Length / ForwardFrame.MemberBytes)];
                    for (int i = 0; i < members.Length; i++)
                    {
                        members[i] = ForwardFrame.Member(forward.Members, i);
                    }

                    Note(lane, forward.Publisher, forward.Number, count, reason, isRetained, null, members);
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
