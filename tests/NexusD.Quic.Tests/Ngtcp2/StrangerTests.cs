using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using NexusD.Quic.Tests.Support;
using Xunit;

namespace NexusD.Quic.Tests.Ngtcp2;

/// <summary>What anybody can send to the port: it must never harm, and cost little.</summary>
public class StrangerTests
{
    private const QuicEngineKind Kind = QuicEngineKind.Ngtcp2;

    [Fact]
    public void A_retry_proves_the_address_and_the_handshake_goes_on()
    {
        using var server = new QuicHost(Kind, o => o with { RetryAboveHandshakes = 0 });
        using var client = new QuicHost(Kind, accepts: false);
        var handler = new Recorder();
        client.Connect(server.Address, handler);
        handler.Wait(r => r.IsConnected, "the client to be connected");
        server.WaitAccepted();
        Assert.Equal(1, server.Statistics.RetriesSent);
    }

    [Fact]
    public void A_wrong_retry_token_is_refused()
    {
        using var server = new QuicHost(Kind, o => o with { RetryAboveHandshakes = 0 });
        byte[] initial = CaptureInitial();
        byte[] token = new byte[40];
        token[0] = 0xb7;
        byte[] answer = Ask(server.Address, WithToken(initial, token));

        // A long header of version 1: the server's Initial with CONNECTION_CLOSE, not a Retry, and no state is kept.
        Assert.Equal(0xc0, answer[0] & 0xf0);
        Assert.Equal(1u, BinaryPrimitives.ReadUInt32BigEndian(answer.AsSpan(1)));
        Assert.Equal(0, server.Statistics.Connections);
        Assert.Equal(1, server.Statistics.HandshakesFailed);
    }

    [Fact]
    public void An_unknown_version_is_answered_with_the_ones_we_speak()
    {
        using var server = new QuicHost(Kind);
        byte[] packet = CaptureInitial();
        BinaryPrimitives.WriteUInt32BigEndian(packet.AsSpan(1), 0x6a7a8a9a);
        byte[] answer = Ask(server.Address, packet);

        Assert.NotEqual(0, answer[0] & 0x80);
        Assert.Equal(0u, BinaryPrimitives.ReadUInt32BigEndian(answer.AsSpan(1)));
        Assert.Equal(1u, BinaryPrimitives.ReadUInt32BigEndian(answer.AsSpan(answer.Length - 4)));

        // Its connection IDs come back swapped (RFC 9000 section 17.2.1).
        int destinationLength = packet[5];
        int sourceLength = packet[6 + destinationLength];
        Assert.Equal(sourceLength, answer[5]);
        Assert.Equal(
            packet.AsSpan(7 + destinationLength, sourceLength).ToArray(), answer.AsSpan(6, sourceLength).ToArray());
        Assert.Equal(0, server.Statistics.Connections);
    }

    [Fact]
    public void A_peer_that_lost_its_state_is_noticed_at_once()
    {
        byte[] secret = new byte[32];
        Random.Shared.NextBytes(secret);
        var first = new QuicHost(Kind, o => o with { ResetSecret = secret });
        IPEndPoint address = first.Address;
        using var relay = new UdpRelay(address);
        using var client = new QuicHost(
            Kind, o => o with { IdleTimeout = TimeSpan.FromMinutes(1), KeepAlive = TimeSpan.FromMilliseconds(100) },
            accepts: false);
        var handler = new Recorder();
        client.Connect(relay.Address, handler);
        handler.Wait(r => r.IsConnected, "the client to be connected");
        first.WaitAccepted();
        relay.ToClientBlocked = true; // what the old process says when it goes is lost, as in a crash
        first.Dispose();
        using var second = new QuicHost(Kind, o => o with { ResetSecret = secret, Bind = address });
        relay.ToClientBlocked = false;

        Assert.Equal(QuicCloseKind.Reset, handler.WaitClosed().Kind);
    }

    [Fact]
    public void Tens_of_thousands_of_mutated_packets_do_no_harm()
    {
        const int Packets = 30_000;
        using var server = new QuicHost(Kind, o => o with { HandshakeTimeout = TimeSpan.FromSeconds(1) });
        byte[] initial = CaptureInitial();
        var random = new Random(20_260_101);
        using var sender = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        for (int i = 0; i < Packets; i++)
        {
            sender.SendTo(Mutate(initial, random), server.Address);
            if (i % 64 == 63)
            {
                server.Do(() => { }); // do not outrun the socket's buffer: each packet is to be read
            }
        }

        using var client = new QuicHost(
            Kind, o => o with { HandshakeTimeout = TimeSpan.FromSeconds(15) }, accepts: false);
        var handler = new Recorder();
        client.Connect(server.Address, handler);
        handler.Wait(r => r.IsConnected, "an honest client to be served");
        Assert.True(
            SpinWait.SpinUntil(() => server.Statistics.Connections == 1, TimeSpan.FromSeconds(20)),
            $"{server.Statistics.Connections} connections are left over");
        Assert.True(server.Statistics.DatagramsDropped > 1000, server.Statistics.ToString());
    }

    [Fact]
    public void Noise_does_no_harm_to_a_running_connection()
    {
        using var pair = new Pair(Kind);
        var random = new Random(7);
        using var sender = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        byte[] noise = new byte[2000];
        long stream = pair.Open(unidirectional: true);
        for (int i = 0; i < 5000; i++)
        {
            random.NextBytes(noise);
            sender.SendTo(noise.AsSpan(0, random.Next(1, noise.Length)), pair.Server.Address);
            sender.SendTo(noise.AsSpan(0, random.Next(1, 60)), pair.Client.Address);
            if (i % 50 == 0)
            {
                pair.Client.Write(pair.Connection, stream, new byte[10_000]);
            }
        }

        pair.Client.Do(() => pair.Connection.FinishWriting(stream));
        pair.ServerSide.Wait(r => r.Ended.Contains(stream), "the stream to end");
        Assert.Equal(1_000_000, pair.ServerSide.Read(r => r.BytesReceived));
        Assert.Equal(1, pair.Server.Statistics.Connections);
    }

    [Fact]
    public void A_flood_of_first_packets_is_held_by_the_limit_of_connections()
    {
        const int Limit = 50;
        using var server = new QuicHost(Kind, o => o with
        {
            MaxConnections = Limit,
            RetryAboveHandshakes = int.MaxValue,
            HandshakeTimeout = TimeSpan.FromSeconds(1),
        });
        using var silent = Bind();
        using var client = new QuicHost(
            Kind, o => o with { HandshakeTimeout = TimeSpan.FromSeconds(1) }, accepts: false);
        for (int i = 0; i < 4 * Limit; i++)
        {
            client.Connect((IPEndPoint)silent.LocalEndPoint!, new Recorder());
        }

        byte[] buffer = new byte[2000];
        var seen = new HashSet<string>();
        while (seen.Count < 4 * Limit)
        {
            int length = silent.Receive(buffer);
            if (seen.Add(Convert.ToHexString(buffer, 6, buffer[5])))
            {
                silent.SendTo(buffer.AsSpan(0, length), server.Address);
            }
        }

        Assert.InRange(server.Statistics.Connections, 1, Limit);
        Assert.True(
            SpinWait.SpinUntil(() => server.Statistics.Connections == 0, TimeSpan.FromSeconds(20)),
            $"{server.Statistics.Connections} connections are left over");
        Assert.True(server.Statistics.HandshakesFailed >= 3 * Limit, server.Statistics.ToString());
    }

    private static Socket Bind()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp)
        {
            ReceiveTimeout = 20_000,
            ReceiveBufferSize = 4 * 1024 * 1024,
        };
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return socket;
    }

    /// <summary>The first packet of a real client.</summary>
    private static byte[] CaptureInitial()
    {
        using Socket socket = Bind();
        using var client = new QuicHost(Kind, accepts: false);
        client.Connect((IPEndPoint)socket.LocalEndPoint!, new Recorder());
        byte[] buffer = new byte[2000];
        return buffer[..socket.Receive(buffer)];
    }

    private static byte[] Ask(IPEndPoint server, byte[] packet)
    {
        using Socket socket = Bind();
        socket.SendTo(packet, server);
        byte[] buffer = new byte[2000];
        return buffer[..socket.Receive(buffer)];
    }

    /// <summary>
    /// Puts a token into an Initial that has none (RFC 9000 section 17.2.2); the checksum is wrong then, but tokens are
    /// judged first.
    /// </summary>
    private static byte[] WithToken(byte[] initial, byte[] token)
    {
        int at = 6 + initial[5];
        at += 1 + initial[at];
        Assert.Equal(0, initial[at]);
        return [.. initial[..at], (byte)token.Length, .. token, .. initial[(at + 1)..]];
    }

    private static byte[] Mutate(byte[] original, Random random)
    {
        byte[] copy = [.. original];
        int changes = random.Next(1, 12);
        for (int i = 0; i < changes; i++)
        {
            // Half of the changes in the header, where the parsing is.
            int at = random.Next(2) == 0 ? random.Next(Math.Min(64, copy.Length)) : random.Next(copy.Length);
            copy[at] = random.Next(4) == 0 ? (byte)(random.Next(2) * 255) : (byte)random.Next(256);
        }

        return random.Next(4) == 0 ? copy[..random.Next(1, copy.Length + 1)] : copy;
    }
}
