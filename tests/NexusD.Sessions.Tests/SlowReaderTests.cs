using NexusD.Protocol;
using NexusD.Protocol.App;
using NexusD.Protocol.Frames;

namespace NexusD.Sessions.Tests;

/// <summary>Clients that do not read: they lose events, and are told; nobody else notices.</summary>
public sealed class SlowReaderTests
{
    private const int PayloadBytes = 1_000;
    private const int EventsPerRun = 30;
    private const int Runs = 1_000;
    private const int Events = Runs * EventsPerRun;

    [Fact]
    public async Task SlowReader_CostsItsNeighbourNothing_AndGetsAnExactAccount()
    {
        using var fixture = new SessionFixture(o => o with { QueueBytes = 2 * 1024 * 1024 });
        RawClient slow = fixture.Open();
        RawClient healthy = fixture.Open();
        slow.Subscribe(1, "t");
        healthy.Subscribe(1, "t");
        RawClient publisher = fixture.Open(publisher: 9);
        publisher.Send(Frames.Topic(1, "t"));

        // Never more than a few runs ahead of the healthy one, so that it keeps up by construction.
        byte[][] payloads = [.. Enumerable.Range(0, EventsPerRun).Select(_ => new byte[PayloadBytes])];
        byte[] run = Frames.Publish(1, RunFlags.None, payloads);
        long read = 0;
        Task reading = Task.Run(() =>
        {
            for (ulong number = 1; number <= Events; number++)
            {
                Assert.Equal(number, healthy.NextEvent().Number);
                Volatile.Write(ref read, (long)number);
            }
        });
        for (int n = 0; n < Runs; n++)
        {
            publisher.Send(run);
            long least = (n - 20L) * EventsPerRun;
            Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref read) >= least, SessionFixture.Patience));
        }

        await reading.WaitAsync(SessionFixture.Patience);
        fixture.AssertIdentity();
        long dropped = fixture.Statistics.DroppedEvents(DropReason.QueueFull);
        Assert.True(dropped > Events / 2, $"only {dropped} of {Events} were dropped for the slow one");
        Assert.InRange(fixture.Pool.RentedBytes, 1, 8 * 1024 * 1024);

        (long delivered, long lost) = ReadAccount(slow, publisher.PublisherId);
        Assert.Equal((Events, dropped), (delivered + lost, lost));
        fixture.AssertIdentity();
        Assert.Equal(0, fixture.Statistics.QueuedEvents);
    }

    [Fact]
    public void ClientThatDoesNotReadItsAnswers_IsNotListenedToUntilItDoes()
    {
        using var fixture = new SessionFixture { Status = new byte[200_000] };
        RawClient neighbour = fixture.Open();
        RawClient rude = fixture.Open();
        const int queries = 2_000; // 400 MB of answers, if they were all made at once
        byte[] stream = [.. Enumerable.Range(0, queries).SelectMany(n => Frames.Query((uint)n, "status"))];
        rude.Send(stream);
        fixture.Await(() => fixture.Listener.TakeSnapshots().Exists(s => s.PendingBytes > 0));
        neighbour.AssertNothingCame();
        Assert.InRange(fixture.Pool.RentedBytes, 1, 2 * 1024 * 1024);

        for (int n = 0; n < queries; n++)
        {
            ResultFrame.TryRead(rude.NextFrame(FrameKind.Result), out ResultFrame result);
            Assert.Equal(((uint)n, fixture.Status.Length), (result.Request, result.Text.Length));
        }

        rude.AssertNothingCame();
    }

    [Fact]
    public async Task UnreadAcknowledgements_AreHeldWithinABound_AndNoneIsLost()
    {
        using var fixture = new SessionFixture();
        RawClient client = fixture.Open();
        const int publishes = 200_000;
        byte[] one = Frames.Publish("t", RunFlags.Acknowledge, [1]);
        byte[] many = new byte[one.Length * 1_000];
        for (int n = 0; n < 1_000; n++)
        {
            one.CopyTo(many, n * one.Length);
        }

        Task sending = Task.Run(() =>
        {
            for (int n = 0; n < publishes / 1_000; n++)
            {
                client.Send(many);
            }
        });
        fixture.Await(() => fixture.Listener.TakeSnapshots()[0].PendingBytes > 0);
        Assert.InRange(fixture.Run(() => fixture.Listener.TakeSnapshots()[0].PendingBytes), 1, 600_000);
        for (int n = 1; n <= publishes; n++)
        {
            Assert.Equal((ulong)n, client.NextAck().Number);
        }

        await sending.WaitAsync(SessionFixture.Patience);
    }

    /// <summary>
    /// Reads until every number is accounted for: delivered in order, or named in a gap before its successor.
    /// </summary>
    private static (long Delivered, long Lost) ReadAccount(RawClient client, ulong publisher)
    {
        long delivered = 0;
        long lost = 0;
        ulong next = 1;
        while (next <= Events)
        {
            byte[] frame = client.NextFrame(out byte kind);
            if (kind == FrameKind.Gap)
            {
                Assert.Equal(ErrorCode.None, GapFrame.TryRead(frame, out GapFrame gap));
                Assert.Equal((publisher, DropReason.QueueFull), (gap.Publisher, gap.Reason));
                Assert.Equal((next, gap.Count), (gap.From, gap.To - gap.From + 1));
                lost += (long)gap.Count;
                next = gap.To + 1;
                continue;
            }

            client.TakeDeliver(frame);
            while (client.TryTakeEvent(out ReceivedEvent? came))
            {
                Assert.Equal(next++, came!.Number);
                delivered++;
            }
        }

        return (delivered, lost);
    }
}
