using System.Net.Sockets;

namespace NexusD.Transport.Tests;

/// <summary>Peers that stop in the middle of a long frame, for which memory is held.</summary>
public sealed class StalledFrameTests
{
    private const int FrameBytes = 1 << 20;
    private const int StartBytes = 10_000;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void AFrameThatStopsHalfWay_IsGivenUp_WithItsMemory(bool unix)
    {
        using var fixture = new TransportFixture(unix, TimeSpan.FromMilliseconds(100));
        (Socket client, RecordingConsumer served) = fixture.Connect();
        (Socket other, RecordingConsumer neighbour) = fixture.Connect();
        client.Send(RecordingConsumer.Frame(new byte[FrameBytes - 4]).AsSpan(0, StartBytes));
        served.Record.Await(r => r.Stalled is not null);
        Assert.Equal((StartBytes, FrameBytes), served.Record.Read(r => r.Stalled));
        Assert.Equal(0, fixture.Run(() => served.Connection.UnfinishedBytes));
        TransportFixture.AssertEnded(client);

        other.Send(RecordingConsumer.Frame([1, 2, 3]));
        neighbour.Record.Await(r => r.Frames.Count == 1);
    }

    [Fact]
    public void SlowProgress_IsEnough_AndTooSlowIsNot()
    {
        using var fixture = new TransportFixture(unix: true, TimeSpan.FromHours(1));
        (Socket client, RecordingConsumer served) = fixture.Connect();
        byte[] frame = RecordingConsumer.Frame(new byte[FrameBytes - 4]);
        int sent = 0;
        Send(StartBytes);
        Assert.Equal(FrameBytes, fixture.Run(() => served.Connection.UnfinishedBytes));
        Look(StreamTransport.LooksPerTimeout);
        Send(StreamTransport.LeastProgressBytes);
        Look(1 + StreamTransport.LooksPerTimeout);
        Assert.Null(served.Record.Read(r => r.Stalled));

        Send(StreamTransport.LeastProgressBytes - 1);
        Look(1);
        Assert.Equal((sent, FrameBytes), served.Record.Read(r => r.Stalled));

        void Send(int bytes)
        {
            for (int end = sent + bytes; sent < end;)
            {
                sent += client.Send(frame.AsSpan(sent..end));
            }

            fixture.AwaitOnLoop(() => served.Connection.ReceivedBytes == sent);
        }

        void Look(int times) => fixture.Run(() =>
        {
            for (int i = 0; i < times && served.Connection.ReceivingPlace >= 0; i++)
            {
                served.Connection.LookAtProgress();
            }
        });
    }

    [Fact]
    public void ManyFramesUnderWay_EndInAnyOrder()
    {
        using var fixture = new TransportFixture(unix: true);
        (Socket Client, RecordingConsumer Served)[] all = [.. Enumerable.Range(0, 9).Select(_ => fixture.Connect())];
        byte[] frame = RecordingConsumer.Frame(new byte[100_000]);
        foreach ((Socket client, RecordingConsumer served) in all)
        {
            client.Send(frame.AsSpan(0, StartBytes));
            fixture.AwaitOnLoop(() => served.Connection.ReceivingPlace >= 0);
        }

        foreach (int i in (int[])[4, 0, 8, 7, 1, 2, 6, 3, 5])
        {
            for (int sent = StartBytes; sent < frame.Length;)
            {
                sent += all[i].Client.Send(frame.AsSpan(sent));
            }

            all[i].Served.Record.Await(r => r.Frames.Count == 1);
            Assert.Equal(-1, fixture.Run(() => all[i].Served.Connection.ReceivingPlace));
        }
    }
}
