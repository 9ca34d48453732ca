using System.Text;
using NexusD.Protocol;

namespace NexusD.Sessions.Tests;

/// <summary>What a new subscription gets from the retained store, and what it does not.</summary>
public sealed class RetainedTests
{
    private const RunFlags FromStore = RunFlags.Retain | RunFlags.Retained;

    [Fact]
    public void LastRetainedEvent_ComesAfterSubscribed()
    {
        using var fixture = new SessionFixture();
        RawClient publisher = fixture.Open(publisher: 4);
        publisher.Send(Frames.Publish("a", RunFlags.Retain, [1], [2]), Frames.Publish("a", RunFlags.None, [3]));
        publisher.AssertNothingCame();
        RawClient subscriber = fixture.Open();
        subscriber.Subscribe(1, "a");

        ReceivedEvent came = subscriber.NextEvent();
        Assert.Equal(("a", 4ul, 2ul), (came.Topic, came.Publisher, came.Number));
        Assert.Equal((FromStore, (byte)2), Brief(came));
        publisher.Send(Frames.Publish("a", RunFlags.Retain, [4]));
        Assert.Equal((RunFlags.Retain, (byte)4), Brief(subscriber.NextEvent()));
        subscriber.AssertNothingCame();
    }

    [Fact]
    public void SeveralFilters_GiveEachRetainedEventOnce()
    {
        using var fixture = new SessionFixture();
        RawClient client = fixture.Open();
        client.Send(Frames.Publish("a/b", RunFlags.Retain, [1]), Frames.Publish("a/c", RunFlags.Retain, [2]));
        client.Subscribe(1, "a/#", "a/b", "*/c", "#");
        Assert.Equal(["a/b", "a/c"], client.NextEvents(2).Select(e => e.Topic).Order());
        client.AssertNothingCame();
    }

    [Fact]
    public void NotWantedOrDeleted_DoesNotCome()
    {
        using var fixture = new SessionFixture();
        RawClient client = fixture.Open();
        client.Send(Frames.Publish("a", RunFlags.Retain, [1]), Frames.Publish("b", RunFlags.Retain, [2]));
        client.Send(Frames.Publish("b", RunFlags.Retain, Array.Empty<byte>()));
        client.Send(Frames.Subscribe(1, 0, 0, 0, noRetained: true, "a"));
        client.NextSubscribed();
        client.Subscribe(2, "b");
        client.AssertNothingCame();
    }

    [Fact]
    public void WaitingRetainedEvent_IsReplacedByANewerLiveOne()
    {
        // Without credit the retained events wait; meanwhile "a" gets a new state and "b" a plain event.
        using var fixture = new SessionFixture();
        RawClient client = fixture.Open();
        client.Send(
            Frames.Publish("0", RunFlags.Retain, [0]), Frames.Publish("a", RunFlags.Retain, [1]),
            Frames.Publish("b", RunFlags.Retain, [2]), Frames.Publish("c", RunFlags.Retain, [3]));
        client.Send(Frames.Subscribe(1, 1, 0, 0, noRetained: false, "#"));
        client.NextSubscribed();
        ReceivedEvent first = client.NextEvent();
        client.AssertNothingCame();

        client.Send(Frames.Publish("a", RunFlags.Retain, [11]), Frames.Publish("b", RunFlags.None, [12]));
        client.AssertNothingCame();
        client.Send(Frames.Credit(1, 100_000));
        List<ReceivedEvent> came = ReadUntilQuiet(fixture, client);
        came.Insert(0, first);

        foreach (string topic in new[] { "0", "a", "b", "c" })
        {
            ReceivedEvent[] ofTopic = [.. came.Where(e => e.Topic == topic)];
            Assert.Equal(ofTopic.Length, ofTopic.Select(e => e.Number).Distinct().Count());
            Assert.Equal(ofTopic.OrderBy(e => e.Number), ofTopic);
            Assert.Equal(topic is "a" or "b", ofTopic[^1].Flags != FromStore);
        }

        Assert.Contains(came, e => e.Payload[0] == 3 && e.Flags == FromStore);
    }

    [Fact]
    public void ManyRetainedEvents_ArePacedByTheReader()
    {
        const int topics = 20_000;
        using var fixture = new SessionFixture();
        RawClient publisher = fixture.Open();
        var payload = new byte[200];
        byte[] stream = [.. Enumerable.Range(0, topics)
            .SelectMany(n => Frames.Publish($"r/{n}", RunFlags.Retain, payload))];
        publisher.Send(stream);
        publisher.AssertNothingCame();

        RawClient subscriber = fixture.Open();
        subscriber.Subscribe(1, "r/#");
        fixture.Await(() => fixture.Listener.TakeSnapshots().Exists(s => s.PendingBytes > 0));
        Assert.InRange(fixture.Pool.RentedBytes, 1, 1024 * 1024);
        Assert.Equal(0, fixture.Statistics.QueuedEvents);

        publisher.Send(Frames.Publish("r/5", RunFlags.Retain, Encoding.UTF8.GetBytes("live")));
        // The old state of r/5 comes before the live one or not at all.
        List<ReceivedEvent> came = [];
        int fromStore = topics;
        for (bool isLiveThere = false; came.Count < fromStore + 1 || !isLiveThere;)
        {
            came.Add(subscriber.NextEvent());
            if (came[^1].Text == "live")
            {
                isLiveThere = true;
                fromStore -= came.Exists(e => e.Topic == "r/5" && e.Flags == FromStore) ? 0 : 1;
            }
        }

        Assert.Equal(topics, came.Select(e => e.Topic).Distinct().Count());
        Assert.Equal("live", came.Last(e => e.Topic == "r/5").Text);
        Assert.Equal(fromStore, fixture.Statistics.RetainedSentEvents);
        subscriber.AssertNothingCame();
    }

    [Fact]
    public void SubscriptionClosedWhileRetainedEventsWait_GetsNoMore()
    {
        using var fixture = new SessionFixture();
        RawClient client = fixture.Open();
        client.Send(Frames.Publish("a", RunFlags.Retain, [1]), Frames.Publish("b", RunFlags.Retain, [2]));
        client.Send(Frames.Subscribe(1, 1, 0, 0, noRetained: false, "#"));
        client.NextSubscribed();
        client.NextEvent();
        client.Send(Frames.Unsubscribe(1), Frames.Credit(1, 1000));
        client.NextFrame(FrameKind.Unsubscribed);
        client.AssertNothingCame();
    }

    private static (RunFlags Flags, byte First) Brief(ReceivedEvent came) => (came.Flags, came.Payload[0]);

    private static List<ReceivedEvent> ReadUntilQuiet(SessionFixture fixture, RawClient client)
    {
        // The credit has taken effect and everything is written once the daemon answers the second PING: the first
        // one's turn sends what is due.
        var came = new List<ReceivedEvent>();
        for (ulong ping = 1; ping <= 2; ping++)
        {
            client.Send(Frames.Ping(ping));
            byte[] frame = client.NextFrame(out byte kind);
            for (; kind != FrameKind.Pong; frame = client.NextFrame(out kind))
            {
                client.TakeDeliver(frame);
                while (client.TryTakeEvent(out ReceivedEvent? taken))
                {
                    came.Add(taken!);
                }
            }

            fixture.Run(() => { });
        }

        return came;
    }
}
