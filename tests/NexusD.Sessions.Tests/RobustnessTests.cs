using NexusD.Protocol;

namespace NexusD.Sessions.Tests;

/// <summary>Byte streams cut anywhere and bent anyhow.</summary>
public sealed class RobustnessTests
{
    [Fact]
    public void Conversation_SplitAtEveryByte_HasTheSameOutcome()
    {
        using var fixture = new SessionFixture();
        byte[] stream = Conversation();
        for (int split = 1; split < stream.Length; split++)
        {
            RawClient client = fixture.Connect();
            client.Send(stream.AsSpan(0, split));
            fixture.Await(() => fixture.Listener.TakeSnapshots().TrueForAll(s => s.BytesIn == split));
            client.Send(stream.AsSpan(split));
            client.ReadGreeting();
            client.ReadWelcome();
            client.NextSubscribed();
            Assert.Equal([1, 2, 3], client.NextEvents(3).Select(e => e.Payload[0]));
            Assert.Equal(3u, client.NextAck().Count);
            Assert.Equal([4], client.NextEvent().Payload);
            client.NextFrame(FrameKind.Pong);
            client.NextFrame(FrameKind.Result);
            client.NextFrame(FrameKind.Unsubscribed);
            client.AssertEnded();
            client.Dispose();
            fixture.Await(() => fixture.Statistics.Sessions == 0);
        }
    }

    [Fact]
    public void Conversation_ByteByByte_HasTheSameOutcome()
    {
        using var fixture = new SessionFixture();
        RawClient client = fixture.Connect();
        byte[] stream = Conversation();
        for (int n = 0; n < stream.Length; n++)
        {
            client.Send(stream.AsSpan(n, 1));
        }

        client.ReadGreeting();
        client.ReadWelcome();
        client.NextSubscribed();
        Assert.Equal([1, 2, 3], client.NextEvents(3).Select(e => e.Payload[0]));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void BentConversation_HarmsNobodyElse(int seed)
    {
        using var fixture = new SessionFixture(o => o with { MaxPayloadBytes = 20_000 });
        RawClient publisher = fixture.Open(publisher: 42);
        RawClient subscriber = fixture.Open();
        subscriber.Subscribe(1, "neighbours/only");
        publisher.Send(Frames.Topic(1, "neighbours/only"));
        var random = new Random(seed);
        byte[] stream = Conversation();
        for (int round = 1; round <= 300; round++)
        {
            RawClient attacker = fixture.Connect();
            byte[] bent = Bend(stream, random);
            attacker.Send(bent);
            if (random.Next(3) != 0)
            {
                attacker.EndOutput();
                attacker.ReadTextToEnd(); // whatever the answer is, the connection ends
            }

            attacker.Dispose();
            publisher.Send(Frames.Publish(1, RunFlags.None, BitConverter.GetBytes(round)));
            ReceivedEvent came = subscriber.NextEvent();
            Assert.Equal(((ulong)round, round), (came.Number, BitConverter.ToInt32(came.Payload)));
        }

        fixture.Await(() => fixture.Statistics.Sessions == 2);
    }

    private static byte[] Conversation() =>
    [
        .. Frames.Greeting(), .. Frames.Hello(name: "whoever"), .. Frames.Topic(7, "some/topic"),
        .. Frames.Subscribe(3, 100_000, 10, 70_000, noRetained: true, "some/#", "other/*"),
        .. Frames.Publish(7, RunFlags.Acknowledge, [1], [2], [3]),
        .. Frames.Credit(3, 500),
        .. Frames.PublishWith(0, RunFlags.Retain,
            [
                .. Frames.Property(PropertyId.Topic, "other/x"u8.ToArray()),
                .. Frames.Property(PropertyId.Priority, [1]),
            ],
            [4]),
        .. Frames.Ping(5), .. Frames.Query(6, "status"), .. Frames.Unsubscribe(3), .. Frames.Bye(),
    ];

    private static byte[] Bend(byte[] stream, Random random)
    {
        List<byte> bent = [.. stream];
        for (int changes = 1 + random.Next(4); changes > 0; changes--)
        {
            // Mostly behind the greeting, which is easily refused.
            int at = random.Next(random.Next(10) == 0 ? 0 : 8, bent.Count);
            switch (random.Next(5))
            {
                case 0:
                    bent[at] = (byte)random.Next(256);
                    break;
                case 1:
                    bent[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 2:
                    bent.RemoveRange(at, Math.Min(bent.Count - at, 1 + random.Next(20)));
                    break;
                case 3:
                    bent.InsertRange(at, stream.AsSpan(0, 1 + random.Next(stream.Length)).ToArray());
                    break;
                default:
                    bent[at] = random.Next(2) == 0 ? (byte)0 : (byte)255;
                    break;
            }

            if (bent.Count == 0)
            {
                bent.Add(1);
            }
        }

        return [.. bent];
    }
}
