using System.Net.Sockets;

namespace NexusD.Transport.Tests;

/// <summary>What every byte pipe must do; run over each kind of socket.</summary>
public abstract class StreamContractTests(bool unix)
{
    private TransportFixture NewFixture() => new(unix);

    [Fact]
    public async Task Frames_SplitAtEveryByte_ArriveWhole()
    {
        using TransportFixture fixture = NewFixture();
        byte[][] payloads = [Pattern(0, 1), Pattern(9, 2), Pattern(1, 3), Pattern(30, 4)];
        byte[] stream = [.. payloads.SelectMany(p => RecordingConsumer.Frame(p))];
        for (int split = 1; split < stream.Length; split++)
        {
            await AssertArrivesAsync(fixture, stream, split, payloads);
        }
    }

    [Theory]
    [InlineData(4_093)]
    [InlineData(4_097)]
    [InlineData(40_000)]
    [InlineData(65_532)]
    [InlineData(65_533)]
    [InlineData(300_000)]
    [InlineData(2_000_000)]
    public async Task LongFrame_SplitNearItsEdges_ArrivesWhole(int length)
    {
        using TransportFixture fixture = NewFixture();
        byte[][] payloads = [Pattern(5, 1), Pattern(length, 2), Pattern(7, 3)];
        byte[] stream = [.. payloads.SelectMany(p => RecordingConsumer.Frame(p))];
        int start = 9;
        int end = start + 4 + length;
        int[] splits =
        [
            start + 1, start + 3, start + 4, start + 5, start + 3_000, start + (length / 2), end - 1, end, end + 1,
        ];
        foreach (int split in splits)
        {
            await AssertArrivesAsync(fixture, stream, split, payloads);
        }
    }

    [Fact]
    public async Task LongFrame_ComesAloneInItsSlab_AndCanBeKeptByReference()
    {
        using TransportFixture fixture = NewFixture();
        fixture.Prepare = served => served.OnFrame = (frame, slab) =>
        {
            if (slab is not null)
            {
                served.Connection.AppendShared(slab, 0, frame.Length);
            }

            return true;
        };
        (Socket client, RecordingConsumer served) = fixture.Connect();
        byte[] frame = RecordingConsumer.Frame(Pattern(1_000_000, 5));

        client.Send(frame.AsSpan(0, 100_000));
        served.Record.Await(r => r.Shown > 0);
        Task sending = Task.Run(() => client.Send(frame.AsSpan(100_000)));

        Assert.Equal(frame, TransportFixture.ReadExactly(client, frame.Length));
        await sending.WaitAsync(TransportFixture.Patience);
        served.Record.Await(r => r.InOwnSlab is [true]);
    }

    [Fact]
    public async Task Echo_OfManyConnections_PassesEveryByte()
    {
        const int connections = 5;
        const int frames = 400;
        using TransportFixture fixture = NewFixture();
        fixture.Prepare = served =>
        {
            served.Records = false;
            served.OnFrame = (frame, _) =>
            {
                if (served.Connection.PendingBytes > 200_000 && !served.Connection.Flush())
                {
                    served.Connection.PauseReading();
                    return false;
                }

                served.Connection.Append(frame);
                return true;
            };
            served.Refill = () =>
            {
                served.Connection.ResumeReading();
                return false;
            };
        };
        var work = new List<Task>();
        for (int i = 0; i < connections; i++)
        {
            (Socket client, _) = fixture.Connect();
            var random = new Random(i);
            byte[] stream = [.. Enumerable.Range(0, frames)
                .SelectMany(n => RecordingConsumer.Frame(Pattern(random.Next(n % 20 == 0 ? 200_000 : 9_000), n)))];
            work.Add(Task.Run(() => client.Send(stream)));
            work.Add(Task.Run(() => Assert.Equal(stream, TransportFixture.ReadExactly(client, stream.Length))));
        }

        await Task.WhenAll(work).WaitAsync(TransportFixture.Patience);
    }

    [Fact]
    public void LentBytes_AreSettledBeforeTheirMemoryIsReused()
    {
        // Everything that one connection sends goes to another that does not read for a while.
        using TransportFixture fixture = NewFixture();
        (Socket reader, RecordingConsumer target) = fixture.Connect();
        fixture.Prepare = served =>
        {
            served.Records = false;
            served.OnFrame = (frame, _) =>
            {
                target.Connection.Append(frame);
                return true;
            };
        };
        (Socket writer, RecordingConsumer source) = fixture.Connect();
        byte[] stream = [.. Enumerable.Range(0, 300).SelectMany(n => RecordingConsumer.Frame(Pattern(20_000, n)))];

        writer.Send(stream);
        writer.Shutdown(SocketShutdown.Send);
        source.Record.Await(r => r.EndOfInput is 0);
        Assert.True(fixture.Run(() => target.Connection.IsWriteBlocked));

        Assert.Equal(stream, TransportFixture.ReadExactly(reader, stream.Length));
        target.Record.Await(r => r.Drained > 0);
    }

    [Fact]
    public void WritingToPeerThatDoesNotRead_BlocksAndDrainsLater()
    {
        using TransportFixture fixture = NewFixture();
        (Socket client, RecordingConsumer served) = fixture.Connect();
        byte[] bytes = Pattern(16_000_000, 1);

        fixture.Run(() => served.Connection.Append(bytes));
        Assert.True(fixture.Run(() => served.Connection.IsWriteBlocked && served.Connection.PendingBytes > 0));
        Assert.Equal(0, served.Record.Read(r => r.Drained));

        Assert.Equal(bytes, TransportFixture.ReadExactly(client, bytes.Length));
        served.Record.Await(r => r.Drained > 0);
        Assert.Equal(0, fixture.Run(() => served.Connection.PendingBytes));
        Assert.Equal(bytes.Length, fixture.Run(() => served.Connection.SentBytes));
    }

    [Fact]
    public async Task PausedConnection_ShowsNothing_AndGoesOnWhereItStopped()
    {
        using TransportFixture fixture = NewFixture();
        bool paused = true;
        fixture.Prepare = served => served.OnFrame = (frame, _) =>
        {
            if (paused && frame[4] == 2)
            {
                served.Connection.PauseReading();
                return false;
            }

            return true;
        };
        (Socket client, RecordingConsumer served) = fixture.Connect();
        byte[][] payloads = [[1], [2], Pattern(9_000, 3), [4], Pattern(150_000, 5)];
        byte[] stream = [.. payloads.SelectMany(p => RecordingConsumer.Frame(p))];

        Task sending = Task.Run(() => client.Send(stream));
        served.Record.Await(r => r.Frames.Count == 1 && r.Shown > 5);
        fixture.Run(() => { });
        Assert.Equal(1, served.Record.Read(r => r.Frames.Count));

        fixture.Run(() =>
        {
            paused = false;
            served.Connection.ResumeReading();
        });
        served.Record.Await(r => r.Frames.Count == payloads.Length);
        Assert.Equal(payloads, served.Record.Read(r => r.Frames.ToArray()));
        await sending.WaitAsync(TransportFixture.Patience);
    }

    [Fact]
    public void HalfClose_LetsEverythingDueOut()
    {
        using TransportFixture fixture = NewFixture();
        byte[] answer = Pattern(5_000_000, 8);
        fixture.Prepare = served => served.EndOfInput = () =>
        {
            served.Connection.Append(answer);
            served.Connection.CloseAfterFlush();
        };
        (Socket client, RecordingConsumer served) = fixture.Connect();

        client.Send(RecordingConsumer.Frame([1, 2, 3]));
        client.Send(new byte[] { 9, 0 });
        client.Shutdown(SocketShutdown.Send);

        Assert.Equal(answer, TransportFixture.ReadExactly(client, answer.Length));
        TransportFixture.AssertEnded(client);
        served.Record.Await(r => r.Closed.Count > 0);
        Assert.Equal(2, served.Record.Read(r => r.EndOfInput));
        Assert.Equal([StreamCloseReason.EndOfStream], served.Record.Read(r => r.Closed.ToArray()));
    }

    [Fact]
    public void CloseWithUnreadInput_StillDeliversTheLastWords()
    {
        using TransportFixture fixture = NewFixture();
        fixture.Prepare = served => served.OnFrame = (_, _) =>
        {
            served.Connection.Append("that was wrong"u8);
            served.Connection.CloseAfterFlush();
            return false;
        };
        (Socket client, RecordingConsumer served) = fixture.Connect();

        client.Send(RecordingConsumer.Frame(new byte[100]));
        client.Send(new byte[100_000]);
        byte[] words = TransportFixture.ReadExactly(client, 14);
        client.Send(new byte[100_000]);

        Assert.Equal("that was wrong"u8.ToArray(), words);
        TransportFixture.AssertEnded(client);
        client.Close();
        served.Record.Await(r => r.Closed is [StreamCloseReason.Local]);
    }

    [Fact]
    public void AbruptEnd_IsToldOnce_AndHarmsNobody()
    {
        using TransportFixture fixture = NewFixture();
        (Socket neighbour, RecordingConsumer served) = fixture.Connect();
        (Socket client, RecordingConsumer victim) = fixture.Connect();
        fixture.Run(() => victim.Connection.Append(Pattern(8_000_000, 1)));

        client.LingerState = new LingerOption(true, 0);
        client.Close();
        victim.Record.Await(r => r.Closed.Count == 1);

        neighbour.Send(RecordingConsumer.Frame([1]));
        served.Record.Await(r => r.Frames.Count == 1);
        Assert.Equal(1, victim.Record.Read(r => r.Closed.Count));
        Assert.True(fixture.Run(() => victim.Connection.IsClosed));
    }

    [Fact]
    public void WhatWasSentBeforeTheEnd_IsReceivedThoughNobodyReadsTheAnswers()
    {
        using TransportFixture fixture = NewFixture();
        fixture.Prepare = served => served.OnFrame = (_, _) =>
        {
            served.Connection.Append(new byte[50]);
            return true;
        };
        (Socket client, RecordingConsumer served) = fixture.Connect();
        byte[] stream = [.. Enumerable.Range(0, 5_000).SelectMany(n => RecordingConsumer.Frame(Pattern(30, n)))];

        client.Send(stream);
        client.Shutdown(SocketShutdown.Send);
        served.Record.Await(r => r.EndOfInput is 0);
        client.Close();

        Assert.Equal(5_000, served.Record.Read(r => r.Frames.Count));
        fixture.Run(() => served.Connection.CloseAfterFlush());
        served.Record.Await(r => r.Closed.Count == 1);
    }

    [Fact]
    public async Task IdleConnections_HoldNoSlab()
    {
        using TransportFixture fixture = NewFixture();
        fixture.Prepare = served => served.OnFrame = (frame, _) =>
        {
            served.Connection.Append(frame);
            return true;
        };
        byte[] frame = RecordingConsumer.Frame(Pattern(50_000, 1));
        for (int i = 0; i < 10; i++)
        {
            (Socket client, _) = fixture.Connect();
            Task sending = Task.Run(() => client.Send(frame));
            Assert.Equal(frame, TransportFixture.ReadExactly(client, frame.Length));
            await sending.WaitAsync(TransportFixture.Patience);
        }

        Assert.Equal(StreamTransport.ReceiveBufferBytes, fixture.Run(() => fixture.Pool.RentedBytes));
    }

    private static async Task AssertArrivesAsync(TransportFixture fixture, byte[] stream, int split, byte[][] payloads)
    {
        (Socket client, RecordingConsumer served) = fixture.Connect();
        Task first = Task.Run(() => client.Send(stream.AsSpan(0, split)));
        fixture.AwaitOnLoop(() => served.Connection.ReceivedBytes == split);
        await first.WaitAsync(TransportFixture.Patience);
        Task second = Task.Run(() => client.Send(stream.AsSpan(split)));
        served.Record.Await(r => r.Frames.Count == payloads.Length);
        byte[][] arrived = served.Record.Read(r => r.Frames.ToArray());
        Assert.All(payloads.Zip(arrived), pair => Assert.True(pair.First.AsSpan().SequenceEqual(pair.Second)));
        await second.WaitAsync(TransportFixture.Patience);
        client.Close();
        served.Record.Await(r => r.Closed.Count == 1);
        Assert.Equal(0, served.Record.Read(r => r.EndOfInput ?? 0));
    }

    internal static byte[] Pattern(int length, int seed)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }
}

public sealed class UnixStreamTests() : StreamContractTests(unix: true);

public sealed class TcpStreamTests() : StreamContractTests(unix: false);
