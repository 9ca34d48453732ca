using NexusD.Protocol;
using NexusD.Routing.Queues;
using Xunit;

namespace NexusD.Routing.Tests.Queues;

public sealed class GapLedgerTests
{
    private readonly GapLedger _ledger = new("here");

    [Fact]
    public void LossesOfOnePublisherReasonAndPlaceAreOneNotice()
    {
        _ledger.Add(1, 10, 5, DropReason.QueueFull);
        _ledger.Add(1, 20, 1, DropReason.QueueFull);
        _ledger.Add(1, 15, 2, DropReason.Expired);
        _ledger.Add(new GapNotice(1, 3, 9, 2, DropReason.QueueFull, "there"));

        Assert.Equal(
            [
                new GapNotice(1, 3, 9, 2, DropReason.QueueFull, "there"),
                new GapNotice(1, 15, 16, 2, DropReason.Expired, "here"),
                new GapNotice(1, 10, 20, 6, DropReason.QueueFull, "here"),
            ],
            TakeAll());
        Assert.True(_ledger.IsEmpty);
    }

    [Fact]
    public void BeyondTheBoundOnlyTheCountStaysByReasonAndPlace()
    {
        for (ulong publisher = 1; publisher <= 200; publisher++)
        {
            _ledger.Add(publisher, 1, 2, DropReason.QueueFull);
            _ledger.Add(new GapNotice(publisher, 1, 3, 3, DropReason.LinkFull, $"node{publisher}"));
        }

        var gaps = TakeAll();
        Assert.Equal(GapLedger.MaxEntries + 2, gaps.Count);
        ulong here = 0;
        ulong there = 0;
        foreach (GapNotice gap in gaps)
        {
            here += gap.Reason == DropReason.QueueFull ? gap.Count : 0;
            there += gap.Reason == DropReason.LinkFull ? gap.Count : 0;
        }

        Assert.Equal((400UL, 600UL), (here, there));
        Assert.Contains(gaps, g => g is { Publisher: 0, From: 0, To: 0, Where: "here" });
        Assert.Contains(gaps, g => g is { Publisher: 0, From: 0, To: 0, Where: "" });
    }

    private List<GapNotice> TakeAll()
    {
        var gaps = new List<GapNotice>();
        while (_ledger.TryTake(out GapNotice gap))
        {
            gaps.Add(gap);
        }

        return gaps;
    }
}
