using System.Net.Sockets;
using System.Text;
using NexusD.Protocol;
using NexusD.Protocol.App;

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
        Assert.Equal((3u, "a/b", "one"), (came.Subscription, came.Topic, came.Text));
        Assert.Equal((77ul, 5ul), (came.Publisher, came.Number));
        Assert.Equal((ulong)fixture.Time.UnixMs, came.Timestamp >> 16);
        Assert.Equal(RunFlags.None, came.Flags);
    }

    [Fact]
    public void Wildcards_SelectByTopic()
    {
        using var fixture = new SessionFixture();
        RawClient client = fixture.Open();
        client.Subscribe(1, "a/*");
        client.Subscribe(2, "a/#");
        client.Subscribe(3, "b");

        client.Send(Frames.Publish("a/x", RunFlags.None, [1]));
        client.Send(Frames.Publish("a/x/y", RunFlags.None, [2]));
        client.Send(Frames.Publish("b", RunFlags.None, [3]));
        client.Send(Frames.Publish("c", RunFlags.None, [4]));

        var came = client.NextEvents(4).Select(e => (e.Subscription, e.Topic, e.Payload[0])).ToHashSet();
        Assert.Equal([(1u, "a/x", 1), (2u, "a/x", 1), (2u, "a/x/y", 2), (3u, "b", 3)], came);
        client.AssertNothingCame();
    }

    [Fact]
    public void SeveralFiltersOfASubscription_GiveOneCopy()
    {
        using var fixture = new SessionFixture();
        RawClient client = fixture.Open();
        client.Subscribe(1, "a/b", "a/*", "a/#", "#");

        client.Send(Frames.Publish("a/b", RunFlags.None, [1]));

        Assert.Equal("a/b", client.NextEvent().Topic);
        client.AssertNothingCame();
    }

    [Fact]
    public void Run_KeepsItsEventsAndTheirOrder()
    {
        using var fixture = new SessionFixture();
        RawClient client = fixture.Open();
        client.Subscribe(1, "t");
        client.Send(Frames.Topic(9, "t"));
        byte[][] payloads =
            [.. Enumerable.Range(0, 500).Select(n => Encoding.UTF8.GetBytes(new string('x', n % 60) + n))];

        client.Send(Frames.Publish(9, RunFlags.None, payloads[..200]));
        client.Send(Frames.Publish(9, RunFlags.None, payloads[200..]));

        List<ReceivedEvent> came = client.NextEvents(payloads.Length);
        Assert.Equal(payloads, came.Select(e => e.Payload));
        Assert.Equal(Enumerable.Range(1, payloads.Length).Select(n => (ulong)n), came.Select(e => e.Number));
    }

    [Fact]
    public void Properties_TravelAsTheyAre_WhereverTheTopicStandsAmongThem()
    {
        using var fixture = new SessionFixture();
        RawClient client = fixture.Open();
        client.Subscribe(1, "t");
        byte[] topic = Frames.Property(PropertyId.Topic, "t"u8.ToArray());
        byte[] type = Frames.Property(PropertyId.ContentType, "text/plain"u8.ToArray());
        byte[] high = Frames.Property(PropertyId.Priority, [1]);

        byte[][] lists = [[.. topic, .. type, .. high], [.. type, .. topic, .. high], [.. type, .. high, .. topic]];
        foreach (byte[] list in lists)
        {
            client.Send(Frames.PublishWith(0, RunFlags.None, list, [1]));
            DeliverFrame.TryRead(client.NextFrame(FrameKind.Deliver), out DeliverFrame deliver);
            Assert.NotEqual(0u, deliver.Alias);
            Assert.Equal([.. type, .. high], deliver.Properties.ToArray());
        }
    }

    [Theory]
    [InlineData(3_000)]
    [InlineData(70_000)]
    [InlineData(1_000_000)]
    [InlineData(ProtocolLimits.DefaultMaxPayloadBytes)]
    public async Task LargePayload_ReachesSeveralSubscribersWhole(int size)
    {
        using var fixture = new SessionFixture();
        RawClient[] subscribers = [fixture.Open(), fixture.Open(), fixture.Open()];
        foreach (RawClient subscriber in subscribers)
        {
            subscriber.Subscribe(1, "big", "other");
        }

        RawClient publisher = fixture.Open();
        var payload = new byte[size];
        new Random(1).NextBytes(payload);
        Task sending = Task.Run(() => publisher.Send(
            Frames.Publish("big", RunFlags.None, payload), Frames.Publish("big", RunFlags.None, [1, 2])));

        foreach (RawClient subscriber in subscribers)
        {
            Assert.True(payload.AsSpan().SequenceEqual(subscriber.NextEvent().Payload));
            Assert.Equal([1, 2], subscriber.NextEvent().Payload);
        }

        await sending.WaitAsync(SessionFixture.Patience);
    }

    [Fact]
    public void Acknowledgement_SaysWhoGotIt_InOrder()
    {
        using var fixture = new SessionFixture();
        RawClient first = fixture.Open();
        RawClient second = fixture.Open();
        first.Subscribe(1, "t");
        first.Subscribe(2, "#");
        second.Subscribe(1, "t");
        RawClient publisher = fixture.Open();

        publisher.Send(Frames.Publish("t", RunFlags.Acknowledge, [1], [2], [3]));
        publisher.Send(Frames.Publish("t", RunFlags.None, [4]));
        publisher.Send(Frames.Publish("nobody/wants", RunFlags.Acknowledge, [5]));

        AckFrame ack = publisher.NextAck();
        Assert.Equal((ErrorCode.None, 1ul, 3u, 3u, 0u), (ack.Code, ack.Number, ack.Count, ack.Local, ack.Peers));
        ack = publisher.NextAck();
        Assert.Equal((ErrorCode.None, 5ul, 1u, 1u, 0u), (ack.Code, ack.Number, ack.Count, ack.Local, ack.Peers));
        publisher.AssertNothingCame();
    }

    [Fact]
    public void Unsubscribed_MeansThatNothingFollows()
    {
        using var fixture = new SessionFixture();
        RawClient client = fixture.Open();
        client.Subscribe(1, "t");
        client.Send(Frames.Publish("t", RunFlags.None, [1]));
        client.Send(Frames.Unsubscribe(1), Frames.Publish("t", RunFlags.None, [2]));

        Assert.Equal([1], client.NextEvent().Payload);
        UnsubscribedFrame.TryRead(client.NextFrame(FrameKind.Unsubscribed), out UnsubscribedFrame answer);
        Assert.Equal((ErrorCode.None, 1u), (answer.Code, answer.Subscription));
        client.AssertNothingCame();
        client.Subscribe(1, "t");
        client.Send(Frames.Publish("t", RunFlags.None, [3]));
        Assert.Equal([3], client.NextEvent().Payload);
    }

    [Fact]
    public void PublishersInterleave_EachInItsOwnOrder()
    {
        using var fixture = new SessionFixture();
        RawClient subscriber = fixture.Open();
        subscriber.Subscribe(1, "p/#");
        RawClient[] publishers = [.. Enumerable.Range(0, 5).Select(_ => fixture.Open())];
        for (int round = 0; round < 50; round++)
        {
            foreach (RawClient publisher in publishers)
            {
                publisher.Send(Frames.Publish($"p/{round % 3}", RunFlags.None, [1], [2]));
            }
        }

        List<ReceivedEvent> came = subscriber.NextEvents(500);
        foreach (RawClient publisher in publishers)
        {
            Assert.Equal(
                Enumerable.Range(1, 100).Select(n => (ulong)n),
                came.Where(e => e.Publisher == publisher.PublisherId).Select(e => e.Number));
        }
    }

    [Fact]
    public void TcpClient_IsServedLikeAnyOther()
    {
        using var fixture = new SessionFixture();
        var endPoint = fixture.ListenTcp();
        using var client = new RawClient(new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true }, endPoint);
        client.Send(Frames.Greeting(), Frames.Hello());
        client.ReadGreeting();
        client.ReadWelcome();
        client.Subscribe(1, "t");
        client.Send(Frames.Publish("t", RunFlags.None, [7]));
        Assert.Equal([7], client.NextEvent().Payload);

        SessionSnapshot snapshot = Assert.Single(fixture.Run(() => fixture.Listener.TakeSnapshots()));
        Assert.Null(snapshot.Credentials);
        Assert.NotNull(snapshot.RemoteEndPoint);
    }

    [Fact]
    public void Snapshot_TellsWhoAndHowMuch()
    {
        using var fixture = new SessionFixture();
        RawClient client = fixture.Open(publisher: 12);
        client.Subscribe(1, "t");
        client.Send(Frames.Publish("t", RunFlags.Acknowledge, [1], [2]));
        client.NextEvents(2);
        client.NextAck();

        SessionSnapshot snapshot = Assert.Single(fixture.Run(() => fixture.Listener.TakeSnapshots()));
        Assert.Equal(("raw", "test/1", 12ul), (snapshot.ClientName, snapshot.ClientLibrary, snapshot.PublisherId));
        Assert.Equal(Environment.ProcessId, snapshot.Credentials?.ProcessId);
        Assert.Equal((1, 0L), (snapshot.Subscriptions, snapshot.QueuedEvents));
        Assert.Equal((2L, 2L), (snapshot.EventsIn, snapshot.EventsOut));
        Assert.True(snapshot.BytesIn > 0 && snapshot.BytesOut > 0);
        Assert.Equal(2, fixture.Statistics.EventsIn);
        Assert.Equal(2, fixture.Statistics.DeliveredEvents);
        Assert.Equal(1, fixture.Statistics.Sessions);
        Assert.Equal(1, fixture.Statistics.Subscriptions);
        Assert.Empty(fixture.Run(() => fixture.Listener.TakeSnapshots(most: 0)));
    }
}
