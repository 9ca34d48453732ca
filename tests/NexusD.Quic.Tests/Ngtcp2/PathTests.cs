using System.Net;
using NexusD.Quic.Ngtcp2;
using NexusD.Quic.Tests.Contract;
using NexusD.Quic.Tests.Support;
using Xunit;

namespace NexusD.Quic.Tests.Ngtcp2;

/// <summary>
/// Bad paths: loss, disorder, changed addresses, small and large packets, no offload. Bytes must come out the same.
/// </summary>
public class PathTests
{
    private const int MiB = 1024 * 1024;
    private const QuicEngineKind Kind = QuicEngineKind.Ngtcp2;

    [Theory]
    [InlineData(1, 0.01, 0.01, 0.02)]
    [InlineData(2, 0.05, 0.02, 0.05)]
    [InlineData(3, 0.0, 0.1, 0.2)]
    public void Bytes_survive_loss_disorder_and_duplicates(int seed, double loss, double duplicate, double reorder)
    {
        using var server = new QuicHost(Kind);
        using var relay = new UdpRelay(server.Address, seed) { Loss = loss, Duplicate = duplicate, Reorder = reorder };
        using var client = new QuicHost(
            Kind, o => o with { HandshakeTimeout = TimeSpan.FromSeconds(15), IdleTimeout = TimeSpan.FromSeconds(15) },
            accepts: false);
        Transfer(server, client, relay, MiB, whenHalfway: null);
    }

    [Fact]
    public void A_client_whose_address_changes_in_mid_transfer_is_followed()
    {
        using var server = new QuicHost(Kind);
        using var relay = new UdpRelay(server.Address);
        using var client = new QuicHost(Kind, accepts: false);
        var ports = new HashSet<int>();
        server.Accepting = connection =>
        {
            ports.Add(connection.RemoteEndPoint.Port);
            return new Recorder();
        };
        Recorder accepted = Transfer(server, client, relay, 8 * MiB, whenHalfway: relay.Rebind);
        server.Do(() => ports.Add(accepted.Connection!.RemoteEndPoint.Port));
        Assert.Equal(2, ports.Count);
    }

    [Fact]
    public void Keys_can_change_in_mid_transfer()
    {
        using var server = new QuicHost(Kind);
        using var relay = new UdpRelay(server.Address);
        using var client = new QuicHost(Kind, accepts: false);
        Recorder accepted = Transfer(
            server,
            client,
            relay,
            4 * MiB,
            whenHalfway: null,
            whenHalfwayOnClient: c => Assert.True(
                ((Ngtcp2Connection)c).TryUpdateKeys(Loops.MonotonicClock.NowNs), "the key update did not start"));
        Assert.Null(accepted.Read(r => r.Closed));
    }

    [Theory]
    [InlineData(1200, true)]
    [InlineData(1200, false)]
    [InlineData(1452, false)]
    [InlineData(9000, true)]
    [InlineData(65_000, true)]
    [InlineData(65_000, false)]
    public void Packet_sizes_and_offload_make_no_difference_to_the_bytes(int payload, bool offload)
    {
        using var pair = new Pair(Kind, o => o with { MaxUdpPayloadBytes = payload, SegmentationOffload = offload });
        byte[] data = StreamTests.Bytes(6 * MiB, payload);
        long stream = pair.Open(unidirectional: true);
        pair.Client.Write(pair.Connection, stream, data, finish: true);
        pair.ServerSide.Wait(r => r.Ended.Contains(stream), "the end of the stream");
        Assert.True(pair.ServerSide.Read(r => r.Streams[stream].ToArray()).AsSpan().SequenceEqual(data));
        Assert.Equal(offload, pair.Client.Statistics.SegmentationOffload);
        Assert.InRange(pair.Client.Do(pair.Connection.GetStatistics).PathMtuBytes, 1200, payload);
    }

    [Fact]
    public void The_path_mtu_is_found()
    {
        using var pair = new Pair(Kind, o => o with { MaxUdpPayloadBytes = 9000 });
        Assert.True(SpinWait.SpinUntil(
            () => pair.Client.Do(pair.Connection.GetStatistics).PathMtuBytes == 9000, TimeSpan.FromSeconds(20)));
    }

    [Fact]
    public void A_socket_bound_to_every_address_answers_from_the_one_that_was_asked()
    {
        using var server = new QuicHost(
            Kind, o => o with { Bind = new IPEndPoint(IPAddress.Any, 0) });
        using var client = new QuicHost(Kind, accepts: false);

        // All of 127/8 is local; the kernel by itself would answer from 127.0.0.1.
        var remote = new IPEndPoint(IPAddress.Parse("127.9.9.9"), server.Address.Port);
        var handler = new Recorder();
        client.Connect(remote, handler);
        handler.Wait(r => r.IsConnected, "a connection through the second address");
        Assert.Equal(remote, client.Do(() => handler.Connection!.RemoteEndPoint));
    }

    /// <summary>Sends through the relay, does something in the middle, and compares.</summary>
    private static Recorder Transfer(
        QuicHost server, QuicHost client, UdpRelay relay, int length, Action? whenHalfway,
        Action<IQuicConnection>? whenHalfwayOnClient = null)
    {
        byte[] data = StreamTests.Bytes(length, length);
        var handler = new Recorder();
        IQuicConnection connection = client.Connect(relay.Address, handler);
        handler.Wait(r => r.IsConnected, "the client to be connected");
        Recorder accepted = server.WaitAccepted();
        long stream = client.Do(() => connection.OpenStream(true));
        client.Write(connection, stream, data.AsMemory(0, length / 2));
        accepted.Wait(r => r.BytesReceived >= length / 4, "the first quarter");
        whenHalfway?.Invoke();
        if (whenHalfwayOnClient is not null)
        {
            client.Do(() => whenHalfwayOnClient(connection));
        }

        client.Write(connection, stream, data.AsMemory(length / 2), finish: true);
        accepted.Wait(r => r.Ended.Contains(stream), "the end of the stream");
        Assert.True(accepted.Read(r => r.Streams[stream].ToArray()).AsSpan().SequenceEqual(data));
        return accepted;
    }
}
