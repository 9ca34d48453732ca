using NexusD.Buffers;
using NexusD.Quic.Tests.Support;
using Xunit;

namespace NexusD.Quic.Tests.Contract;

/// <summary>What every engine must do: bytes arrive whole and in order, and only as fast as they are taken.</summary>
public class StreamTests
{
    private const int MiB = 1024 * 1024;

    [Theory, Ngtcp2, MsQuic]
    public void Carries_a_large_unidirectional_stream_byte_for_byte(QuicEngineKind kind)
    {
        using var pair = new Pair(kind);
        byte[] data = Bytes(16 * MiB, seed: 1);
        long stream = pair.Open(unidirectional: true);
        pair.Client.Write(pair.Connection, stream, data, finish: true);
        pair.ServerSide.Wait(r => r.Ended.Contains(stream), "the end of the stream");

        Assert.True(pair.ServerSide.Read(r => r.Unidirectional[stream]));
        Assert.True(pair.ServerSide.Read(r => r.Streams[stream].ToArray()).AsSpan().SequenceEqual(data));
        pair.ClientSide.Wait(r => r.Connection!.UnacknowledgedBytes == 0, "everything to be acknowledged");
        Assert.Equal(0, pair.Client.Pool.RentedBytes);
    }

    [Theory, Ngtcp2, MsQuic]
    public void Carries_a_bidirectional_stream_both_ways(QuicEngineKind kind)
    {
        byte[] answer = Bytes(3 * MiB, seed: 3);
        using var pair = new Pair(kind);
        QuicHost server = pair.Server;
        pair.ServerSide.WhenData = (connection, stream, _, end) =>
        {
            if (end)
            {
                server.WriteHere(connection, stream, answer, finish: true);
            }
        };
        byte[] question = Bytes(2 * MiB, seed: 2);
        long stream = pair.Open(unidirectional: false);
        pair.Client.Write(pair.Connection, stream, question, finish: true);
        pair.ClientSide.Wait(r => r.Ended.Contains(stream), "the answer");

        Assert.False(pair.ServerSide.Read(r => r.Unidirectional[stream]));
        Assert.True(pair.ServerSide.Read(r => r.Streams[stream].ToArray()).AsSpan().SequenceEqual(question));
        Assert.True(pair.ClientSide.Read(r => r.Streams[stream].ToArray()).AsSpan().SequenceEqual(answer));
    }

    [Theory, Ngtcp2]
    public void A_preferred_stream_goes_before_those_that_wait(QuicEngineKind kind)
    {
        long others = -1;
        var serverSide = new Recorder { KeepBytes = false };
        using var pair = new Pair(kind, serverSide: () => serverSide);
        long[] streams = [.. Enumerable.Range(0, 4).Select(_ => pair.Open(unidirectional: true))];
        long preferred = pair.Open(unidirectional: true);
        long received = 0;
        serverSide.WhenData = (_, stream, data, end) =>
        {
            received += stream == preferred ? 0 : data.Length;
            if (stream == preferred && end)
            {
                others = received;
            }
        };
        byte[] data = Bytes(2 * MiB, seed: 1);
        pair.Client.Do(() =>
        {
            foreach (long stream in streams)
            {
                pair.Client.WriteHere(pair.Connection, stream, data, finish: true);
            }

            pair.Connection.Prefer(preferred);
            pair.Client.WriteHere(pair.Connection, preferred, data.AsMemory(0, MiB), finish: true);
        });
        serverSide.Wait(r => streams.All(r.Ended.Contains), "all streams");

        // By turns the others would have had four times as much; first come first served, all.
        Assert.InRange(others, 0, MiB);
    }

    [Theory, Ngtcp2, MsQuic]
    public void Many_small_writes_arrive_in_order(QuicEngineKind kind)
    {
        using var pair = new Pair(kind);
        long stream = pair.Open(unidirectional: true);
        byte[] data = Bytes(200_000, seed: 4);
        pair.Client.Do(() =>
        {
            // Alternately parts of one slab, which the engine may join, and slabs of their own.
            Slab shared = pair.Client.Pool.Rent();
            int used = 0;
            for (int at = 0; at < data.Length; at += 100)
            {
                Span<byte> part = data.AsSpan(at, 100);
                if (at / 100 % 7 == 0 || used + part.Length > shared.Capacity)
                {
                    Slab own = pair.Client.Pool.Rent();
                    part.CopyTo(own.Span);
                    pair.Connection.Write(stream, own, 0, part.Length);
                }
                else
                {
                    part.CopyTo(shared.Slice(used, part.Length));
                    shared.Retain();
                    pair.Connection.Write(stream, shared, used, part.Length);
                    used += part.Length;
                }
            }

            shared.Release();
            pair.Connection.FinishWriting(stream);
        });
        pair.ServerSide.Wait(r => r.Ended.Contains(stream), "the end of the stream");

        Assert.True(pair.ServerSide.Read(r => r.Streams[stream].ToArray()).AsSpan().SequenceEqual(data));
    }

    [Theory, Ngtcp2, MsQuic]
    public void A_receiver_that_takes_nothing_stops_the_sender_and_can_let_it_go_on(QuicEngineKind kind)
    {
        const int Window = 256 * 1024;
        using var pair = new Pair(
            kind, o => o with { StreamWindowBytes = Window }, () => new Recorder { AutoConsume = false });
        byte[] data = Bytes(4 * MiB, seed: 5);
        long stream = pair.Open(unidirectional: true);
        pair.Client.Write(pair.Connection, stream, data, finish: true);
        pair.ServerSide.Wait(r => r.BytesReceived >= Window, "the window to fill");

        // A round trip on another stream proves that the sender had its chance to overrun.
        long other = pair.Open(unidirectional: true);
        pair.Client.Write(pair.Connection, other, new byte[1], finish: true);
        pair.ServerSide.Wait(r => r.Ended.Contains(other), "the other stream");
        Assert.Equal(Window + 1, pair.ServerSide.Read(r => r.BytesReceived));
        Assert.True(pair.Client.Do(() => pair.Connection.UnacknowledgedBytes) >= data.Length / 2);

        pair.Server.Do(() =>
        {
            pair.ServerSide.AutoConsume = true;
            pair.ServerSide.Connection!.Consume(stream, Window);
        });
        pair.ServerSide.Wait(r => r.Ended.Contains(stream), "the end of the stream");
        Assert.True(pair.ServerSide.Read(r => r.Streams[stream].ToArray()).AsSpan().SequenceEqual(data));
    }

    [Theory, Ngtcp2, MsQuic]
    public void Streams_run_side_by_side_and_finished_ones_make_room(QuicEngineKind kind)
    {
        const int AtOnce = 16;
        const int Total = 200;
        using var pair = new Pair(kind);
        var expected = new Dictionary<long, byte[]>();
        int opened = 0;
        Action<IQuicConnection> openMore = connection =>
        {
            while (opened < Total && connection.OpenStream(unidirectional: true) is >= 0 and long stream)
            {
                byte[] data = Bytes(1000 + opened * 97, seed: opened++);
                lock (expected)
                {
                    expected[stream] = data;
                }

                pair.Client.WriteHere(connection, stream, data, finish: true);
            }
        };
        pair.ClientSide.WhenProgress = openMore;
        int first = pair.Client.Do(() =>
        {
            openMore(pair.Connection);
            return opened;
        });
        Assert.InRange(first, 1, AtOnce);
        pair.ServerSide.Wait(r => r.Ended.Count == Total, "all streams to end");

        foreach ((long stream, byte[] data) in expected)
        {
            Assert.True(pair.ServerSide.Read(r => r.Streams[stream].ToArray()).AsSpan().SequenceEqual(data));
        }
    }

    [Theory, Ngtcp2, MsQuic]
    public void A_reset_stream_tells_the_receiver_the_code(QuicEngineKind kind)
    {
        using var pair = new Pair(kind);
        long stream = pair.Open(unidirectional: true);
        pair.Client.Write(pair.Connection, stream, Bytes(1000, seed: 6));
        pair.ServerSide.Wait(r => r.BytesReceived == 1000, "the first bytes");
        pair.Client.Do(() => pair.Connection.ResetWriting(stream, 77));
        pair.ServerSide.Wait(r => r.Aborted.Count == 1, "the reset");

        Assert.Equal((stream, false, 77UL), pair.ServerSide.Read(r => r.Aborted[0]));
        Assert.Equal(0, pair.Client.Do(() => pair.Connection.UnacknowledgedBytes));
    }

    [Theory, Ngtcp2, MsQuic]
    public void A_stopped_stream_tells_the_sender_the_code_and_frees_its_bytes(QuicEngineKind kind)
    {
        using var pair = new Pair(
            kind, o => o with { StreamWindowBytes = 64 * 1024 }, () => new Recorder { AutoConsume = false });
        long stream = pair.Open(unidirectional: true);
        pair.Client.Write(pair.Connection, stream, Bytes(2 * MiB, seed: 7));
        pair.ServerSide.Wait(r => r.BytesReceived > 0, "the first bytes");
        pair.Server.Do(() => pair.ServerSide.Connection!.StopReading(stream, 88));
        pair.ClientSide.Wait(r => r.Aborted.Count == 1, "the stop");

        Assert.Equal((stream, true, 88UL), pair.ClientSide.Read(r => r.Aborted[0]));
        pair.ClientSide.Wait(r => r.Connection!.UnacknowledgedBytes == 0, "the bytes to be given up");
        Assert.Equal(0, pair.Client.Pool.RentedBytes);
    }

    [Theory, Ngtcp2, MsQuic]
    public void Writing_to_what_is_gone_only_gives_the_slab_back(QuicEngineKind kind)
    {
        using var pair = new Pair(kind);
        long stream = pair.Open(unidirectional: true);
        pair.Client.Do(() =>
        {
            pair.Connection.FinishWriting(stream);
            pair.Client.WriteHere(pair.Connection, stream, Bytes(10, seed: 8));
            pair.Client.WriteHere(pair.Connection, 4000, Bytes(10, seed: 9));
            pair.Connection.Close(0, "done");
            pair.Client.WriteHere(pair.Connection, stream, Bytes(10, seed: 10));
        });
        pair.ClientSide.WaitClosed();
        pair.Client.Do(() => pair.Client.WriteHere(pair.Connection, stream, Bytes(10, seed: 11)));

        Assert.Equal(0, pair.Client.Pool.RentedBytes);
        Assert.Equal(-1, pair.Client.Do(() => pair.Connection.OpenStream(true)));
        pair.ServerSide.WaitClosed();
        Assert.Equal(0, pair.ServerSide.Read(r => r.BytesReceived));
    }

    internal static byte[] Bytes(int count, int seed)
    {
        var bytes = new byte[count];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }
}
