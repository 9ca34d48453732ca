using NexusD.Protocol;
using NexusD.Protocol.App;
using NexusD.Protocol.Frames;

namespace NexusD.Sessions.Tests;

/// <summary>Ends of sessions: said goodbye, half closed, cut, or because the daemon leaves.</summary>
public sealed class LeavingTests
{
    private const int Backlog = 4_000;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task ClientThatIsDone_GetsEverythingDueToIt(bool saysBye)
    {
        using var fixture = new SessionFixture();
        RawClient client = fixture.Open();
        client.Subscribe(1, "t");
        await FillAsync(fixture);

        if (saysBye)
        {
            client.Send(Frames.Bye());
        }
        else
        {
            client.EndOutput();
        }

        for (ulong number = 1; number <= Backlog; number++)
        {
            Assert.Equal(number, client.NextEvent().Number);
        }

        client.AssertEnded();
        fixture.Await(() => fixture.Statistics.Subscriptions == 0);
        client.Dispose();
        fixture.Await(() => fixture.Statistics.Sessions == 0);
    }

    [Fact]
    public void AnswersBeforeBye_AreAllSent()
    {
        using var fixture = new SessionFixture();
        RawClient client = fixture.Open();
        client.Send([.. Frames.Subscribe(1, "t"), .. Frames.Publish("t", RunFlags.Acknowledge, [1]),
            .. Frames.Query(1, "status"), .. Frames.Bye(), .. Frames.Ping(1)]);
        client.NextSubscribed();
        Assert.Equal([1], client.NextEvent().Payload);
        client.NextAck();
        client.NextFrame(FrameKind.Result);
        client.AssertEnded();
    }

    [Fact]
    public void ByeWithoutCredit_EndsWithWhatTheCreditAllowed()
    {
        using var fixture = new SessionFixture();
        RawClient client = fixture.Open();
        client.Send(Frames.Subscribe(1, 1, 0, 0, noRetained: false, "t"));
        client.NextSubscribed();
        client.Send(Frames.Publish("t", RunFlags.None, [1]), Frames.Publish("t", RunFlags.None, [2]), Frames.Bye());
        Assert.Equal([1], client.NextEvent().Payload);
        client.AssertEnded();
        Assert.Equal(1, fixture.Statistics.DroppedEvents(DropReason.SessionClosed));
    }

    [Fact]
    public async Task ClientThatVanishes_LeavesNothingBehind()
    {
        using var fixture = new SessionFixture();
        RawClient client = fixture.Open();
        client.Subscribe(1, "t");
        await FillAsync(fixture);
        client.Dispose();
        fixture.Await(() => fixture.Statistics.Sessions == 0);
        fixture.AssertIdentity();
        Assert.Equal(0, fixture.Statistics.QueuedEvents);
        Assert.True(fixture.Statistics.DroppedEvents(DropReason.SessionClosed) > 0);
        fixture.Await(() => fixture.Router.GetStatistics().LocalSubscriptions == 0);
    }

    [Fact]
    public void LastEventsOfAClientThatClosesAtOnce_AreRouted()
    {
        using var fixture = new SessionFixture();
        RawClient subscriber = fixture.Open();
        subscriber.Subscribe(1, "t");
        RawClient publisher = fixture.Connect();
        byte[][] payloads = [.. Enumerable.Range(0, 100).Select(_ => new byte[100])];
        byte[] run = Frames.Publish("t", RunFlags.Acknowledge, payloads);
        publisher.Send([.. Frames.Greeting(), .. Frames.Hello(publisher: 3),
            .. Enumerable.Repeat(run, 100).SelectMany(bytes => bytes)]);
        publisher.Dispose();
        Assert.Equal(
            Enumerable.Range(1, 10_000).Select(n => (ulong)n), subscriber.NextEvents(10_000).Select(e => e.Number));
    }

    [Fact]
    public void LeavingDaemon_SaysSo_AndServesOn()
    {
        using var fixture = new SessionFixture();
        RawClient client = fixture.Open();
        RawClient late = fixture.Connect();
        late.Send(Frames.Greeting());
        late.ReadGreeting();
        client.Subscribe(1, "t");
        fixture.Run(fixture.Listener.Leave);

        Assert.Equal(ErrorCode.None, GoAwayFrame.TryRead(client.NextFrame(FrameKind.GoAway), out GoAwayFrame away));
        Assert.Equal((ErrorCode.ShuttingDown, false), (away.Code, away.Closes));
        client.Send(Frames.Publish("t", RunFlags.None, [1]));
        Assert.Equal([1], client.NextEvent().Payload);
        late.Send(Frames.Hello());
        Assert.Equal(ErrorCode.ShuttingDown, late.NextError().Code);
        late.AssertEnded();
        Assert.False(File.Exists(fixture.SocketPath));
        client.Send(Frames.Bye());
        client.AssertEnded();
    }

    [Fact]
    public void EventsSentAgainAfterAReconnect_AreDeliveredOnce()
    {
        using var fixture = new SessionFixture();
        RawClient subscriber = fixture.Open();
        subscriber.Subscribe(1, "t");
        RawClient first = fixture.Open(publisher: 5);
        byte[][] payloads = [.. Enumerable.Range(1, 10).Select(n => new[] { (byte)n })];
        first.Send(Frames.Publish("t", RunFlags.Acknowledge, payloads));
        first.NextAck();
        first.Dispose();
        fixture.Await(() => fixture.Statistics.Sessions == 1);

        RawClient again = fixture.Open(publisher: 5, nextNumber: 6);
        Assert.Equal((5ul, 6ul), (again.PublisherId, again.NextNumber));
        again.Send(Frames.Publish("t", RunFlags.Acknowledge, [6], [7], [8]));
        again.Send(Frames.Publish("t", RunFlags.Acknowledge, [9], [10], [11], [12]));
        AckFrame ack = again.NextAck();
        Assert.Equal((ErrorCode.None, 6ul, 3u, 0u), (ack.Code, ack.Number, ack.Count, ack.Local));
        ack = again.NextAck();
        Assert.Equal((ErrorCode.None, 9ul, 4u, 1u), (ack.Code, ack.Number, ack.Count, ack.Local));

        List<ReceivedEvent> came = subscriber.NextEvents(12);
        Assert.Equal(Enumerable.Range(1, 12).Select(n => (ulong)n), came.Select(e => e.Number));
        Assert.Equal(Enumerable.Range(1, 12).Select(n => (byte)n), came.Select(e => e.Payload[0]));
        subscriber.AssertNothingCame();
        Assert.Equal(5, fixture.Statistics.DuplicateEvents);
    }

    /// <summary>Publishes more than the socket of a client that does not read can hold.</summary>
    private static async Task FillAsync(SessionFixture fixture)
    {
        using RawClient publisher = fixture.Open();
        byte[] run = Frames.Publish("t", RunFlags.None, [.. Enumerable.Range(0, 20).Select(_ => new byte[1_400])]);
        await Task.Run(() =>
        {
            for (int n = 0; n < Backlog / 20; n++)
            {
                publisher.Send(run);
            }
        }).WaitAsync(SessionFixture.Patience);
        fixture.Await(() => fixture.Statistics.EventsIn == Backlog);
        Assert.True(fixture.Statistics.QueuedEvents > 0, "the client's queue is in use");
    }
}
