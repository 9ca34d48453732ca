using NexusD.Protocol;
using NexusD.Protocol.App;

namespace NexusD.Sessions.Tests;

/// <summary>Subscriptions that take only so much, and the queues behind them.</summary>
public sealed class CreditTests
{
    private const int FrameBytes = DeliverFrame.HeaderBytes + EventRunBody.SizeFieldBytes + 16;

    [Fact]
    public void Deliveries_StopWhenTheCreditIsUsedUp_AndGoOnWithMore()
    {
        using var fixture = new SessionFixture();
        RawClient client = fixture.Open();
        client.Send(Frames.Subscribe(1, (2 * FrameBytes) + 1, 0, 0, noRetained: false, "t"));
        client.NextSubscribed();
        for (byte n = 1; n <= 6; n++)
        {
            client.Send(Frames.Publish("t", RunFlags.None, Payload(n)));
        }

        // The last frame may take the credit below zero; the topic's alias was declared with the first.
        Assert.Equal([1, 2, 3], client.NextEvents(3).Select(e => e.Payload[0]));
        client.AssertNothingCame();
        Assert.Equal(3, fixture.Statistics.QueuedEvents);

        client.Send(Frames.Credit(1, 1));
        client.AssertNothingCame(); // still below zero
        client.Send(Frames.Credit(1, FrameBytes));
        Assert.Equal([4], client.NextEvents(1).Select(e => e.Payload[0]));
        client.Send(Frames.Credit(1, uint.MaxValue));
        Assert.Equal([5, 6], client.NextEvents(2).Select(e => e.Payload[0]));
        client.AssertNothingCame();
        Assert.Equal(0, fixture.Statistics.QueuedEvents);
    }

    [Fact]
    public void QueueOverflow_DropsTheOldest_AndSaysExactlyWhichBeforeTheNextEvent()
    {
        using var fixture = new SessionFixture();
        RawClient client = fixture.Open(publisher: 9);
        client.Send(Frames.Subscribe(1, 1, 10, 0, noRetained: false, "t"));
        client.NextSubscribed();
        for (int n = 1; n <= 100; n++)
        {
            client.Send(Frames.Publish("t", RunFlags.None, Payload((byte)n)));
        }

        Assert.Equal(1, client.NextEvent().Payload[0]);
        client.AssertNothingCame();
        client.Send(Frames.Credit(1, 1_000_000));
        Assert.Equal((1u, 9ul, 2ul, 90ul, 89ul, DropReason.QueueFull, "node-a"), client.NextGap());
        Assert.Equal(Enumerable.Range(91, 10).Select(n => (ulong)n), client.NextEvents(10).Select(e => e.Number));
        client.AssertNothingCame();
        Assert.Equal(89, fixture.Statistics.DroppedEvents(DropReason.QueueFull));
        SessionSnapshot snapshot = Assert.Single(fixture.Run(() => fixture.Listener.TakeSnapshots()));
        Assert.Equal(89, snapshot.DroppedEvents[(int)DropReason.QueueFull]);
    }

    [Fact]
    public void WaitingEvent_ExpiresAndIsTold()
    {
        using var fixture = new SessionFixture();
        RawClient client = fixture.Open(publisher: 9);
        client.Send(Frames.Subscribe(1, 1, 0, 0, noRetained: false, "t"));
        client.NextSubscribed();
        byte[] properties =
        [
            .. Frames.Property(PropertyId.Topic, "t"u8.ToArray()),
            .. Frames.Property(PropertyId.TimeToLive, BitConverter.GetBytes(1000)),
        ];
        client.Send(Frames.PublishWith(0, RunFlags.None, properties, [1]));
        client.Send(Frames.PublishWith(0, RunFlags.None, properties, [2]));
        client.Send(Frames.Publish("t", RunFlags.None, [3]));
        Assert.Equal([1], client.NextEvent().Payload);
        client.AssertNothingCame();

        fixture.Time.UnixMs += 1500;
        client.Send(Frames.Credit(1, 1_000_000));
        Assert.Equal((1u, 9ul, 2ul, 2ul, 1ul, DropReason.Expired, "node-a"), client.NextGap());
        Assert.Equal([3], client.NextEvent().Payload);
        Assert.Equal(1, fixture.Statistics.DroppedEvents(DropReason.Expired));
    }

    [Fact]
    public void EventLongerThanTheClientTakes_IsDroppedAndTold()
    {
        using var fixture = new SessionFixture();
        RawClient client = fixture.Open(publisher: 9, maxFrame: 65_536);
        client.Subscribe(1, "t");
        client.Send(Frames.Publish("t", RunFlags.None, [1]), Frames.Publish("t", RunFlags.None, new byte[66_000]));
        client.Send(Frames.Publish("t", RunFlags.None, [3]));

        Assert.Equal([1], client.NextEvent().Payload);
        Assert.Equal((1u, 9ul, 2ul, 2ul, 1ul, DropReason.TooLarge, "node-a"), client.NextGap());
        Assert.Equal([3], client.NextEvent().Payload);
        Assert.Equal(1, fixture.Statistics.DroppedEvents(DropReason.TooLarge));
    }

    [Fact]
    public void ClosedSubscription_AbandonsWhatWaited()
    {
        using var fixture = new SessionFixture();
        RawClient client = fixture.Open();
        client.Send(Frames.Subscribe(1, 1, 0, 0, noRetained: false, "t"));
        client.NextSubscribed();
        client.Send(Frames.Publish("t", RunFlags.None, [1]), Frames.Publish("t", RunFlags.None, [2], [3]));
        client.Send(Frames.Unsubscribe(1));
        Assert.Equal([1], client.NextEvent().Payload);
        client.NextFrame(FrameKind.Unsubscribed);
        Assert.Equal(2, fixture.Statistics.DroppedEvents(DropReason.SessionClosed));
        Assert.Equal(0, fixture.Statistics.QueuedEvents);
    }

    [Fact]
    public void SubscriptionsOfASession_ShareItsSocketByTurns()
    {
        // Two subscriptions with far more waiting than fits a turn: neither has to wait for the other's end.
        using var fixture = new SessionFixture();
        RawClient client = fixture.Open();
        foreach (uint id in new uint[] { 1, 2 })
        {
            client.Send(Frames.Subscribe(id, 1, 0, 0, noRetained: false, $"t/{id}"));
            client.NextSubscribed();
        }

        RawClient publisher = fixture.Open();
        for (int n = 0; n < 100; n++)
        {
            publisher.Send(Frames.Publish("t/1", RunFlags.None, new byte[30_000]));
            publisher.Send(Frames.Publish("t/2", RunFlags.None, new byte[30_000]));
        }

        client.NextEvents(2);
        publisher.AssertNothingCame();
        client.Send([.. Frames.Credit(1, 10_000_000), .. Frames.Credit(2, 10_000_000)]);
        uint[] order = [.. client.NextEvents(198).Select(e => e.Subscription)];
        int row = 0;
        int longestRow = 0;
        for (int n = 0; n < order.Length; n++)
        {
            row = n > 0 && order[n] == order[n - 1] ? row + 1 : 1;
            longestRow = Math.Max(longestRow, row);
        }

        Assert.InRange(longestRow, 1, 6);
    }

    private static byte[] Payload(byte first)
    {
        var payload = new byte[16];
        payload[0] = first;
        return payload;
    }
}
