using System.Text;
using NexusD.Protocol;
using NexusD.Protocol.Frames;
using NexusD.Routing;
using NexusD.Routing.Retained;

namespace NexusD.Peering.Links;

/// <summary>
/// Drops on the way into a lane, and how the peer is told: by GAP before the next run, but for retained events that the
/// store still has when there is room again; these are sent after all.
/// </summary>
/// <remarks>
/// Repair brings the peer what the store has, so a GAP for such an event would tell of a loss that there is not. They
/// are sent before any later run of the lane and in the order of their numbers, or the peer would take them for
/// duplicates; members of groups that were to get them do then. One that is lost has a GAP of its own, by which the
/// peer knows it if repair brought it from elsewhere. What was sent and not acknowledged is told by ranges without
/// holes: the peer tells nobody of what it had of them.
/// </remarks>
internal sealed partial class PeerChannel
{
    private void Drop(
        LaneWriter lane, in EventRun run, DropReason reason, ReadOnlySpan<uint> members, bool membersOnly)
    {
        if (membersOnly)
        {
            // A GAP would tell plain subscriptions over there of a loss that is none of theirs; the publisher is told.
            Count(run.Publisher, run.Number, run.Count, reason);
            return;
        }

        bool mayBeSentLater = (run.Flags & RunFlags.Retain) != 0 && reason != DropReason.TooLarge;
        Note(lane, run.Publisher, run.Number, run.Count, reason, mayBeSentLater, run.Topic, members);
        if (reason == DropReason.TooLarge)
        {
            MarkDirty();
        }
    }

    /// <summary>Counts a loss; the peer is told as soon as there is room.</summary>
    private void Note(
        LaneWriter lane,
        ulong publisher,
        ulong number,
        int count,
        DropReason reason,
        bool isRetained = false,
        Topic? topic = null,
        ReadOnlySpan<uint> members = default)
    {
        _hasGaps = true;
        int others = isRetained ? count - 1 : count;
        if (others > 0)
        {
            Count(publisher, number, others, reason);
            var loss = new ExactLoss(publisher, number, (ulong)others, reason, IsCounted: true);
            if (reason != DropReason.LinkLost || !lane.Exact.TryAdd(loss))
            {
                lane.Gaps.Add(publisher, number, number + (ulong)others - 1, (ulong)others, reason);
            }
        }

        ulong last = number + (ulong)count - 1;
        if (!isRetained)
        {
            return;
        }

        var retained = new ExactLoss(
            publisher, last, 1, reason, IsRetained: true, topic, Members: members.IsEmpty ? null : members.ToArray());
        if (!lane.Exact.TryAdd(retained))
        {
            Count(publisher, last, 1, reason);
            lane.Gaps.Add(publisher, last, last, 1, reason);
        }
    }

    private void Count(ulong publisher, ulong number, int count, DropReason reason)
    {
        _mesh.Router.LossListener?.OnLost(publisher, number, count, reason);
        switch (reason)
        {
            case DropReason.LinkFull:
                _ledger.DroppedLinkFull += count;
                break;
            case DropReason.LinkDown:
                _ledger.DroppedLinkDown += count;
                break;
            case DropReason.Memory:
                _ledger.DroppedMemory += count;
                break;
            case DropReason.LinkLost:
                _ledger.DroppedLinkLost += count;
                break;
            default:
                _ledger.DroppedTooLarge += count;
                break;
        }
    }

    private void TellAllLosses()
    {
        if (!_hasGaps || IsFull())
        {
            return;
        }

        _hasGaps = false;
        foreach (LaneWriter lane in _lanes.Open)
        {
            _hasGaps |= !TryTellLosses(lane, atAnyCost: false);
        }
    }

    /// <summary>Writes what the peer has to know before the next run of a lane. False when there is no room.</summary>
    private bool TryTellLosses(LaneWriter lane, bool atAnyCost)
    {
        lane.Gaps.Drain(_mesh.Options.NodeName, gap => WriteGap(lane, gap));
        if (lane.Exact.Count == 0)
        {
            return true;
        }

        lane.Exact.FindTopics(_mesh.Router.Retained);
        while (lane.Exact.TryPeek(out ExactLoss loss))
        {
            bool hasRoom = QueuedBytes + WaitingBytes() <= Limit;
            if (!hasRoom && !atAnyCost)
            {
                return false;
            }

            lane.Exact.TryTake(out _);
            if (!hasRoom || !TrySendAfterAll(lane, loss))
            {
                TellExact(lane, loss);
            }
        }

        return true;
    }

    private bool TrySendAfterAll(LaneWriter lane, in ExactLoss loss)
    {
        if (loss.IsCounted || loss.Topic is null
            || !_mesh.Router.Retained.TryGet(loss.Topic, out RetainedEvent? retained)
            || retained.Publisher != loss.Publisher || retained.Number != loss.From || retained.IsExpired)
        {
            return false;
        }

        EventRun run = retained.AsRun();
        if (IsTooLargeForPeer(run))
        {
            return false;
        }

        WriteForward(lane, run, 0, loss.Members, false, 0);
        _ledger.EventsOut++;
        return true;
    }

    private void TellExact(LaneWriter lane, in ExactLoss loss)
    {
        if (!loss.IsCounted)
        {
            Count(loss.Publisher, loss.From, (int)loss.Events, loss.Reason);
        }

        ulong to = loss.From + loss.Events - 1;
        WriteGap(
            lane, new GapNotice(loss.Publisher, loss.From, to, loss.Events, loss.Reason, _mesh.Options.NodeName));
    }

    private static void WriteGap(LaneWriter lane, in GapNotice gap)
    {
        var frame = new GapFrame
        {
            Reason = gap.Reason,
            Publisher = gap.Publisher,
            From = gap.From,
            To = gap.To,
            Count = gap.Count,
            Where = Encoding.UTF8.GetBytes(gap.Where),
        };
        frame.Write(lane.Stream.Reserve(frame.FrameBytes));
    }
}
