using NexusD.Routing.Queues;
using Xunit;

namespace NexusD.Routing.Tests.Queues;

/// <summary>What a subscriber may conclude from deliveries and gap notices, compared with what was published.</summary>
internal sealed class QueueModel
{
    private readonly Dictionary<ulong, ulong> _published = [];
    private readonly Dictionary<ulong, ulong> _lastDelivered = [];
    private readonly Dictionary<ulong, ulong> _delivered = [];
    private readonly Dictionary<ulong, ulong> _told = [];
    private ulong _toldOfMany;

    public ulong Publish(ulong publisher, int count)
    {
        ulong number = _published.GetValueOrDefault(publisher) + 1;
        _published[publisher] = number + (ulong)count - 1;
        return number;
    }

    public void TakeGaps(SubscriptionQueue queue)
    {
        while (queue.TryTakeGap(out GapNotice gap))
        {
            Assert.Equal("here", gap.Where);
            if (gap.Publisher == 0)
            {
                Assert.Equal((0UL, 0UL), (gap.From, gap.To));
                _toldOfMany += gap.Count;
                continue;
            }

            Assert.InRange(gap.Count, 1UL, gap.To - gap.From + 1);
            Assert.InRange(gap.To, 1UL, _published[gap.Publisher]);
            _told[gap.Publisher] = _told.GetValueOrDefault(gap.Publisher) + gap.Count;
        }
    }

    public void Deliver(in EventRun run, int count)
    {
        ulong last = _lastDelivered.GetValueOrDefault(run.Publisher);
        Assert.True(run.Number > last, "an event came twice or out of order");
        _lastDelivered[run.Publisher] = run.Number + (ulong)count - 1;
        _delivered[run.Publisher] = _delivered.GetValueOrDefault(run.Publisher) + (ulong)count;
        if (_toldOfMany == 0)
        {
            // The notice stands before the first event after the loss: all numbers up to here are accounted for.
            ulong accounted = _delivered[run.Publisher] + _told.GetValueOrDefault(run.Publisher);
            Assert.True(accounted >= _lastDelivered[run.Publisher], "an event was delivered before its gap notice");
        }
    }

    public void AssertAccounted()
    {
        ulong missing = 0;
        foreach ((ulong publisher, ulong published) in _published)
        {
            ulong known = _delivered.GetValueOrDefault(publisher) + _told.GetValueOrDefault(publisher);
            Assert.True(known <= published, "more was told than was published");
            missing += published - known;
        }

        Assert.Equal(missing, _toldOfMany);
    }
}
