using System.Net.Sockets;
using NexusD.Protocol;
using NexusD.Transport;

namespace NexusD.Sessions.Tests;

/// <summary>
/// What events, connections and subscriptions cost in memory. Alone, so that other tests' work is not measured.
/// </summary>
[Collection(nameof(AloneInTheProcess))]
public sealed class FootprintTests
{
    [Theory]
    [InlineData(1, 100, false)]
    [InlineData(50, 100, false)]
    [InlineData(50, 100, true)]
    [InlineData(1, 100_000, false)]
    public void SteadyFlow_AllocatesNothingPerEvent(int eventsPerRun, int payloadBytes, bool withProperties)
    {
        const int measuredRuns = 2_000;
        using var fixture = new SessionFixture();
        RawClient[] subscribers = [fixture.Open(), fixture.Open()];
        foreach (RawClient subscriber in subscribers)
        {
            subscriber.Subscribe(1, "a/*", "#");
        }

        RawClient publisher = fixture.Open();
        publisher.Send(Frames.Topic(1, "a/b"));
        byte[] properties = withProperties
            ? [.. Frames.Property(PropertyId.ContentType, [65, 66]), .. Frames.Property(PropertyId.Priority, [1])]
            : [];
        byte[][] payloads = [.. Enumerable.Range(0, eventsPerRun).Select(_ => new byte[payloadBytes])];
        byte[] run = Frames.PublishWith(1, RunFlags.Acknowledge, properties, payloads);

        Flow(publisher, subscribers, run, 3_000); // warms pools and compiled code
        long before = fixture.Run(GC.GetAllocatedBytesForCurrentThread);
        Flow(publisher, subscribers, run, measuredRuns);
        long allocated = fixture.Run(GC.GetAllocatedBytesForCurrentThread) - before;

        // Measuring itself costs a little; a single small object for each run would be 48,000. A body of its own slab
        // has a slab object, which is the one exception.
        long allowed = payloadBytes > 65_536 ? measuredRuns * 64 : 8_000;
        Assert.InRange(allocated, 0, allowed);
    }

    [Fact]
    public void IdleConnections_CostLittle()
    {
        const int connections = 1_000;
        using var fixture = new SessionFixture();
        OpenAndForget(fixture, 50);
        long before = fixture.Run(GC.GetAllocatedBytesForCurrentThread);
        List<Socket> open = OpenAndForget(fixture, connections);
        long allocated = fixture.Run(GC.GetAllocatedBytesForCurrentThread) - before;

        // Everything ever allocated for them, so at least what they hold.
        Assert.InRange(allocated / connections, 1, 4_096);
        Assert.Equal(StreamTransport.ReceiveBufferBytes, fixture.Run(() => fixture.Pool.RentedBytes));
        open.ForEach(socket => socket.Dispose());
    }

    [Fact]
    public void HundredThousandSubscriptions_OnOneConnection_AreOpenedServedAndClosed()
    {
        const int subscriptions = 100_000;
        using var fixture = new SessionFixture();
        RawClient client = fixture.Open(maxAliases: 1_000_000);
        RawClient publisher = fixture.Open();
        publisher.Send(Frames.Publish("s/77", RunFlags.Retain, [77]));
        publisher.AssertNothingCame();
        Task opening = Task.Run(() =>
        {
            for (uint id = 1; id <= subscriptions; id++)
            {
                client.Send(Frames.Subscribe(id, $"s/{id}", $"r/{id}/*"));
            }
        });
        bool retainedCame = false;
        for (int answers = 0; answers < subscriptions || !retainedCame;)
        {
            client.NextFrame(out byte kind);
            answers += kind == FrameKind.Subscribed ? 1 : 0;
            retainedCame |= kind == FrameKind.Deliver;
        }

        Assert.True(opening.IsCompleted);
        Assert.Equal(subscriptions, fixture.Statistics.Subscriptions);
        for (int n = 1; n <= subscriptions; n += 997)
        {
            publisher.Send(Frames.Publish($"r/{n}/x", RunFlags.None, [1]));
            Assert.Equal((uint)n, client.NextEvent().Subscription);
        }

        client.Dispose();
        fixture.Await(() => fixture.Statistics.Subscriptions == 0);
        publisher.Send(Frames.Publish("s/1", RunFlags.Acknowledge, [1]));
        Assert.Equal(0u, publisher.NextAck().Local);
    }

    private static void Flow(RawClient publisher, RawClient[] subscribers, byte[] run, int runs)
    {
        for (int n = 0; n < runs; n++)
        {
            publisher.Send(run);
            uint count = publisher.NextAck().Count;
            foreach (RawClient subscriber in subscribers)
            {
                subscriber.NextEvents((int)count);
            }
        }
    }

    private static List<Socket> OpenAndForget(SessionFixture fixture, int count)
    {
        var sockets = new List<Socket>(count);
        byte[] hello = [.. Frames.Greeting(), .. Frames.Hello()];
        var answer = new byte[1_000];
        for (int n = 0; n < count; n++)
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            socket.Connect(new UnixDomainSocketEndPoint(fixture.SocketPath));
            socket.Send(hello);
            while (socket.Receive(answer) <= 8)
            {
            }

            sockets.Add(socket);
        }

        return sockets;
    }
}

[CollectionDefinition(nameof(AloneInTheProcess), DisableParallelization = true)]
public sealed class AloneInTheProcess;
