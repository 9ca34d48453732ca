using NexusD.Protocol;

namespace NexusD.Sessions.Tests;

/// <summary>Events from one client to others through one node.</summary>
public sealed class PublishSubscribeTests
{
    [Fact]
    public void Event_ReachesTheSubscriber_WithItsIdentity()
    {
        using var fixture = new SessionFixture();
        RawClient subscriber = fixture.Open();
        RawClient publisher = fixture.Open(publisher: 77, nextNumber: 5);
        subscriber.Subscribe(3, "a/b");

        publisher.Send(Frames.Publish("a/b", RunFlags.None, "one"u8.ToArray()));

        ReceivedEvent came = subscriber.NextEvent();
        Assert.Equal((3u, "a/b", 77ul, 5ul, "one"), (came.Subscription, came.Topic, came.Publisher, came.Number, came.Text));
        Assert.Equal((ulong)fixture.Time.UnixMs, came.Timestamp >> 16);
        Assert.Equal(RunFlags.None, came.Flags);
    }
}
