using NexusD.Protocol;

namespace NexusD.Sessions.Tests;

/// <summary>While the node joins or leaves the mesh events wait in their sockets, and nothing else does.</summary>
public sealed class PublishHoldTests
{
    [Fact]
    public void EventsWait_AndSubscriptionsDoNot()
    {
        using var fixture = new SessionFixture();
        fixture.Run(fixture.Listener.HoldPublishes);
        RawClient publisher = fixture.Connect();
        publisher.Send([.. Frames.Greeting(), .. Frames.Hello(publisher: 3), .. Frames.Subscribe(1, "own/#"),
            .. Frames.Publish("t", RunFlags.Acknowledge, [1], [2]), .. Frames.Publish("own/t", RunFlags.None, [3]),
            .. Frames.Ping(7)]);
        publisher.ReadGreeting();
        publisher.ReadWelcome();
        publisher.NextSubscribed();
        RawClient subscriber = fixture.Open();
        subscriber.Subscribe(1, "t");
        subscriber.AssertNothingCame();
        fixture.Await(() => fixture.Listener.TakeSnapshots().Count(s => s.IsHeldUp) == 1);
        Assert.Equal(0, fixture.Statistics.EventsIn);

        fixture.Run(fixture.Listener.ReleasePublishes);
        Assert.Equal([1ul, 2ul], subscriber.NextEvents(2).Select(e => e.Number));
        Assert.Equal(ErrorCode.None, publisher.NextAck().Code);
        Assert.Equal([3], publisher.NextEvent().Payload);
        publisher.NextFrame(FrameKind.Pong);
        publisher.Send(Frames.Publish("t", RunFlags.None, [4]));
        Assert.Equal([4], subscriber.NextEvent().Payload);
        Assert.Equal(0, fixture.Run(() => fixture.Listener.TakeSnapshots().Count(s => s.IsHeldUp)));
    }

    [Theory]
    [InlineData(100)]
    [InlineData(300_000)]
    public async Task EventsOfAClientThatGoes_AreTaken(int payload)
    {
        using var fixture = new SessionFixture();
        RawClient subscriber = fixture.Open();
        subscriber.Subscribe(1, "t");
        fixture.Run(fixture.Listener.HoldPublishes);
        RawClient publisher = fixture.Open(publisher: 3);
        publisher.Send([.. Frames.Publish("t", RunFlags.None, new byte[10]),
            .. Frames.Publish("t", RunFlags.None, new byte[100])]);
        fixture.Await(() => fixture.Listener.TakeSnapshots().Count(s => s.IsHeldUp) == 1);
        Task sending = Task.Run(() =>
        {
            publisher.Send(Frames.Publish("t", RunFlags.None, new byte[payload]));
            publisher.Dispose();
        });
        if (payload < 1_000)
        {
            await sending.WaitAsync(SessionFixture.Patience); // it has hung up, and is waited for no longer
        }
        else
        {
            subscriber.AssertNothingCame();
            fixture.Run(fixture.Listener.ReleasePublishes);
        }

        Assert.Equal([10, 100, payload], subscriber.NextEvents(3).Select(e => e.Payload.Length));
        await sending.WaitAsync(SessionFixture.Patience);
        fixture.Await(() => fixture.Statistics.Sessions == 1);
    }

    [Fact]
    public void ALongFrameWaits_LikeAnyOther()
    {
        using var fixture = new SessionFixture();
        RawClient subscriber = fixture.Open();
        subscriber.Subscribe(1, "t");
        fixture.Run(fixture.Listener.HoldPublishes);
        RawClient publisher = fixture.Open();
        publisher.Send(Frames.Publish("t", RunFlags.None, new byte[100_000]));
        fixture.Await(() => fixture.Listener.TakeSnapshots().Count(s => s.IsHeldUp) == 1);
        fixture.Run(fixture.Listener.ReleasePublishes);
        Assert.Equal(100_000, subscriber.NextEvent().Payload.Length);
    }

    [Fact]
    public void WhatIsLostAtTheEnd_IsToldToPublishersThatAreStillThere()
    {
        using var fixture = new SessionFixture();
        RawClient publisher = fixture.Open(publisher: 3);
        publisher.Send(Frames.Publish("t", RunFlags.Acknowledge, [1], [2]));
        publisher.NextAck();
        fixture.Run(() =>
        {
            fixture.Listener.Leave();
            fixture.Listener.HoldPublishes();
            fixture.Listener.EndSubscriptions();
            fixture.Router.LossListener!.OnLost(3, 1, 2, DropReason.LinkDown);
            fixture.Listener.TellLastLosses();
            fixture.Listener.Dispose();
        });
        publisher.NextFrame(FrameKind.GoAway);
        Assert.ThrowsAny<Exception>(() => publisher.NextFrame(FrameKind.Pong)); // takes the notice, meets the end
        (DropReason reason, _, ulong from, ulong to, ulong count, string where) = Assert.Single(publisher.Notices);
        Assert.Equal((DropReason.LinkDown, 1ul, 2ul, 2ul, "node-a"), (reason, from, to, count, where));
    }
}
