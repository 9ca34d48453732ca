using NexusD.Protocol;
using NexusD.Protocol.Peer;
using NexusD.Routing.Groups;
using NexusD.Routing.Publishers;

namespace NexusD.Routing;

/// <content>What was dropped on the way here, by peers or because it came too late.</content>
public sealed partial class Router
{
    /// <summary>
    /// Tells the subscriptions that had events of the publisher that a peer dropped some on the way here; but not of
    /// what came here all the same.
    /// </summary>
    /// <param name="gap">What the peer says.</param>
    /// <param name="priority">Class of the lane on which it says so.</param>
    /// <remarks>
    /// What a peer gave up as <see cref="DropReason.LinkLost"/> in a range without holes may have come before the link
    /// was lost: as far as the publisher's numbers say. The loss of a retained event comes by itself: if repair brought
    /// the event it is not lost, and if repair brings it later it is not delivered any more.
    /// </remarks>
    public void PublishGapFromPeer(in GapNotice gap, Priority priority = Priority.Normal)
    {
        PublisherRecord? record = gap.Publisher == 0 ? _anyPublisher : Publishers.Find(gap.Publisher);
        if (record is null)
        {
            return;
        }

        bool isWhole = gap.Publisher != 0 && gap.Count <= int.MaxValue && gap.To - gap.From == gap.Count - 1;
        int had = isWhole && gap.Reason == DropReason.LinkLost
            ? record.Duplicates(gap.From, (int)gap.Count, priority)
            : 0;
        if (had == (int)gap.Count && isWhole)
        {
            return;
        }

        if (gap.Count == 1 && gap.Publisher != 0)
        {
            if (_repaired.TryTake(gap.Publisher, gap.From))
            {
                return;
            }

            _settled.Add(gap.Publisher, gap.From);
        }

        GapNotice lost = gap with { From = gap.From + (ulong)had, Count = gap.Count - (ulong)had };
        for (int slot = 0; slot < _localTargets.Count; slot++)
        {
            if (_localTargets[slot] is { } target && record.WasDelivered(slot))
            {
                target.DeliverGap(lost);
            }
        }
    }

    /// <summary>As <see cref="DropFromPeer(in EventRun, DropReason)"/>, where members of groups were to get the
    /// run.</summary>
    public void DropFromPeer(in EventRun run, DropReason reason, ReadOnlySpan<byte> members, bool membersOnly)
    {
        PublisherRecord record = Publishers.GetOrAdd(run.Publisher);
        int duplicates = membersOnly ? 0 : record.Duplicates(run.Number, run.Count, run.Priority);
        if (duplicates == run.Count)
        {
            _duplicateEvents += duplicates;
            return;
        }

        EventRun left = run.Skip(duplicates);
        if (!membersOnly)
        {
            DropFromPeer(run, reason);
        }

        for (int i = 0; i < members.Length / ForwardFrame.MemberBytes; i++)
        {
            if (_groups.TryGetLocal(ForwardFrame.Member(members, i), out GroupMember? member))
            {
                member.Target.DeliverLoss(left, reason, _options.NodeName);
            }
        }
    }
}
