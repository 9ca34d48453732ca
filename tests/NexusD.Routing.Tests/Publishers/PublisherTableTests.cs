using NexusD.Protocol;
using NexusD.Routing.Publishers;
using Xunit;

namespace NexusD.Routing.Tests.Publishers;

public sealed class PublisherTableTests
{
    [Theory]
    [InlineData(11, 5, 0)]
    [InlineData(20, 5, 0)]
    [InlineData(10, 5, 1)]
    [InlineData(6, 5, 5)]
    [InlineData(1, 5, 5)]
    [InlineData(8, 5, 3)]
    public void LeadingEventsUpToTheLastNumberAreDuplicates(ulong number, int count, int duplicates)
    {
        PublisherRecord record = new PublisherTable(16).GetOrAdd(1);
        record.Advance(1, 10, Priority.Normal);

        Assert.Equal(duplicates, record.Duplicates(number, count, Priority.Normal));
        Assert.Equal(0, record.Duplicates(number, count, Priority.High));
    }

    [Fact]
    public void NumbersNeverGoBack()
    {
        PublisherRecord record = new PublisherTable(16).GetOrAdd(1);
        record.Advance(1, 10, Priority.Low);
        record.Advance(3, 2, Priority.Low);
        record.Advance(20, 1, Priority.High);

        Assert.Equal(1, record.Duplicates(10, 1, Priority.Low));
        Assert.Equal(20UL, record.LastNumber);
    }

    [Fact]
    public void TheTableIsBoundedAndKeepsWhatIsPinnedOrUsed()
    {
        var table = new PublisherTable(16);
        PublisherRecord pinned = table.GetOrAdd(1);
        pinned.Pin();
        for (ulong id = 100; id < 1100; id++)
        {
            table.GetOrAdd(2);
            table.GetOrAdd(id);
            Assert.InRange(table.Count, 1, 16);
        }

        Assert.Same(pinned, table.Find(1));
        Assert.NotNull(table.Find(2));
        Assert.Null(table.Find(100));
        pinned.Unpin();
        Assert.Equal(1002 - 16, table.Evictions);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(63)]
    [InlineData(64)]
    [InlineData(1023)]
    public void MarksAreExactForTheFirstSlots(int slot)
    {
        PublisherRecord record = new PublisherTable(16).GetOrAdd(1);
        record.MarkDelivered(slot);
        Assert.Equal([slot], Enumerable.Range(0, 2000).Where(record.WasDelivered));
    }

    [Fact]
    public void MarksBeyondAreSharedSoNobodyIsForgotten()
    {
        PublisherRecord record = new PublisherTable(16).GetOrAdd(1);
        record.MarkDelivered(50_000);
        Assert.True(record.WasDelivered(50_000));
        Assert.False(record.WasDelivered(1));
    }
}
