namespace NexusdBench.Tests;

public sealed class OrderCheckTests
{
    [Fact]
    public void Numbers_rise_within_a_subscription_and_a_publisher_only()
    {
        var check = new OrderCheck(subscriptions: 2, publishers: 2);
        check.See(0, 0, 5);
        check.See(1, 0, 3);
        check.See(0, 1, 1);
        check.See(1, 0, 4);
        Assert.Equal(0, check.Late);
        check.See(0, 0, 4);
        check.See(1, 0, 4);
        Assert.Equal(2, check.Late);
    }
}
