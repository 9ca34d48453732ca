namespace NexusdBench.Tests;

public sealed class SequenceCheckTests
{
    [Theory]
    [InlineData("0 1 2 3 4", 5, 0, 0, 0)]
    [InlineData("0 1 3 4", 5, 1, 0, 0)]
    [InlineData("0 1 2", 5, 2, 0, 0)]
    [InlineData("2 3 4", 5, 2, 0, 0)]
    [InlineData("0 2 1 3 4", 5, 0, 0, 1)]
    [InlineData("0 1 1 2 3 4", 5, 0, 1, 0)]
    [InlineData("0 3 1 1 4", 5, 1, 1, 1)]
    [InlineData("", 3, 3, 0, 0)]
    public void Lost_doubled_and_late_are_told_apart(
        string numbers, long published, long lost, long duplicates, long reordered)
    {
        var check = new SequenceCheck();
        foreach (var number in numbers.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            check.See(uint.Parse(number));
        }

        Assert.Equal((lost, duplicates, reordered), (check.Lost(published), check.Duplicates, check.Reordered));
    }

    [Fact]
    public void A_loss_beyond_what_is_remembered_is_still_counted()
    {
        var check = new SequenceCheck();
        check.See(0);
        check.See(5_000_001);
        check.See(5_000_003);
        Assert.Equal(5_000_001, check.Lost(5_000_004));
    }
}
