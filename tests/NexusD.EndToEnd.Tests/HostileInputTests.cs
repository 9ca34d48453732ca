using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using NexusD.EndToEnd.Tests.Harness;
using Xunit.Abstractions;

namespace NexusD.EndToEnd.Tests;

/// <summary>
/// Garbage at every door: the daemon stays, neighbours keep their events, memory does not grow, all of it is counted.
/// </summary>
public sealed class HostileInputTests(ITestOutputHelper output)
{
    private const int Inputs = 100_000;
    private const int Seed = 20_260_101;

    /// <summary>A hello, a topic, a run of two events and a subscription, as app-v1.md draws them.</summary>
    private static readonly byte[] ValidConversation = Convert.FromHexString(
        "4e58443101010000" // greeting
        + "04000000" + "01000000" // hello without properties
        + "0b000000" + "02000000" + "01000000" + "612f62" // topic 1 = a/b
        + "1200000003000000" + "01000000" + "01000000" + "78" + "01000000" + "79" // run of two
        + "1900000004000000" + "01000000" + "00000000" + "00000000" + "00000000" + "0300612f23"); // subscribe a/#

    [Fact]
    public async Task Random_and_mutated_bytes_on_the_app_socket_harm_nobody()
    {
        using var folder = new TempFolder();
        await using DaemonProcess daemon =
            await DaemonProcess.StartAsync(folder, "n1", "--cluster=test", "--discovery=static");
        await using RunningProcess neighbour = daemon.Ctl("sub", "neighbour/#", "--json");
        Task<List<Received>> neighbourGot = Received.UntilAsync(neighbour, (r, _) => r.Payload == "end");
        var random = new Random(Seed);

        // Enough to fill what is kept on purpose and bounded: 65,536 publishers are remembered.
        SendGarbage(daemon, random, Inputs * 7 / 10);
        long before = daemon.ResidentBytes();
        for (int round = 0; round < 3; round++)
        {
            SendGarbage(daemon, random, Inputs / 10);
            await daemon.CtlAsync("pub", $"neighbour/{round}", "still here", "--ack");
        }

        await Eventually.TrueAsync(
            "all hostile sessions are gone",
            () => daemon.JsonAsync("clients"),
            clients => clients.GetArrayLength() <= 2);
        long after = daemon.ResidentBytes();
        output.WriteLine($"resident before {before / 1024} KiB, after {after / 1024} KiB");
        await daemon.CtlAsync("pub", "neighbour/end", "end", "--ack");
        Assert.Equal(4, (await neighbourGot).Count);
        Assert.True(
            after - before < 8 * 1024 * 1024, $"memory grew by {(after - before) / 1024} KiB over 30,000 inputs");
        Assert.True(RefusedSessions(await daemon.JsonAsync("status")) > Inputs / 4, "refused sessions are not counted");
        Assert.Equal(0, await daemon.TerminateAsync());
    }

    [Fact]
    public async Task Random_and_mutated_datagrams_on_the_mesh_port_harm_nobody()
    {
        await using ThreeNodes nodes = await ThreeNodes.ByPeersAsync();
        byte[][] initials = await CaptureInitialsAsync(nodes.Folder);
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        var target = new IPEndPoint(IPAddress.Loopback, nodes.N1.MeshPort);
        var random = new Random(Seed);
        await SendDatagramsAsync(nodes.N1, socket, target, initials, random, Inputs / 10);
        long before = nodes.N1.ResidentBytes();
        await SendDatagramsAsync(nodes.N1, socket, target, initials, random, Inputs * 9 / 10);

        await nodes.LinkedAsync();
        await using RunningProcess subscriber = nodes.N2.Ctl("sub", "after/#", "--json");
        await nodes.N1.KnowsInterestOfAsync("n2");
        await nodes.N1.CtlAsync("pub", "after/all", "end", "--ack");
        Assert.Single(await Received.UntilAsync(subscriber, (r, _) => r.Payload == "end"));
        long after = nodes.N1.ResidentBytes();
        output.WriteLine($"resident before {before / 1024} KiB, after {after / 1024} KiB");
        Assert.True(after - before < 16 * 1024 * 1024, $"memory grew by {(after - before) / 1024} KiB");
        Assert.Equal(0, await nodes.N1.TerminateAsync());
    }

    [Theory]
    [InlineData("AMQP\0\0\u0009\u0001", "AMQP")]
    [InlineData("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 400")]
    [InlineData("\u0016\u0003\u0001\u0002\0\u0001\0\0", "TLS")]
    [InlineData("whatever this is", "NexusD")]
    public async Task Another_protocol_gets_a_readable_refusal(string greeting, string expected)
    {
        using var folder = new TempFolder();
        await using DaemonProcess daemon = await DaemonProcess.StartAsync(
            folder, "n1", "--cluster=test", "--discovery=static", "--app-port=0");
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, daemon.AppPort);
        await socket.GetStream().WriteAsync(Encoding.Latin1.GetBytes(greeting));
        using var patience = new CancellationTokenSource(Eventually.Patience);
        string answer = await new StreamReader(socket.GetStream(), Encoding.Latin1).ReadToEndAsync(patience.Token);
        Assert.Contains(expected, answer, StringComparison.Ordinal);
        Assert.Contains("nexusd", answer, StringComparison.OrdinalIgnoreCase);
    }

    private static void SendGarbage(DaemonProcess daemon, Random random, int count)
    {
        var address = new UnixDomainSocketEndPoint(daemon.Socket);
        byte[] sink = new byte[4096];
        for (int i = 0; i < count; i++)
        {
            using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            socket.ReceiveTimeout = (int)Eventually.Patience.TotalMilliseconds;
            socket.Connect(address);
            try
            {
                socket.Send(NextInput(random));
                socket.Shutdown(SocketShutdown.Send);
                while (socket.Receive(sink) > 0)
                {
                }
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionReset or SocketError.Shutdown)
            {
                // The daemon closed with our bytes unread: a refusal like any other.
            }
        }
    }

    private static byte[] NextInput(Random random)
    {
        if (random.Next(4) == 0)
        {
            byte[] noise = new byte[random.Next(1, 300)];
            random.NextBytes(noise);
            return noise;
        }

        byte[] input = [.. ValidConversation];
        for (int changes = random.Next(1, 5); changes > 0; changes--)
        {
            // Mostly behind the greeting, so that the frames are what is attacked.
            int at = random.Next(8) == 0 ? random.Next(input.Length) : random.Next(8, input.Length);
            input[at] = (byte)random.Next(256);
        }

        return random.Next(4) == 0 ? input[..random.Next(1, input.Length)] : input;
    }

    private static long RefusedSessions(JsonElement status) =>
        status.GetProperty("sessions").GetProperty("refused").EnumerateObject().Sum(p => p.Value.GetInt64());

    /// <summary>First datagrams of real handshakes: a daemon dials a socket of ours that never answers.</summary>
    private static async Task<byte[][]> CaptureInitialsAsync(TempFolder folder)
    {
        using var listener = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        int port = ((IPEndPoint)listener.Client.LocalEndPoint!).Port;
        await using DaemonProcess dialer = await DaemonProcess.StartAsync(
            folder, "dialer", "--cluster=test", "--discovery=static", $"--peers=127.0.0.1:{port}");
        using var patience = new CancellationTokenSource(Eventually.Patience);
        var captured = new List<byte[]>();
        while (captured.Count < 3)
        {
            captured.Add((await listener.ReceiveAsync(patience.Token)).Buffer);
        }

        return [.. captured];
    }

    private static async Task SendDatagramsAsync(
        DaemonProcess daemon, Socket socket, IPEndPoint target, byte[][] seeds, Random random, int count)
    {
        for (int i = 0; i < count; i++)
        {
            byte[] datagram = [.. seeds[random.Next(seeds.Length)]];
            if (random.Next(5) == 0)
            {
                random.NextBytes(datagram);
            }

            for (int changes = random.Next(1, 6); changes > 0; changes--)
            {
                datagram[random.Next(random.Next(2) == 0 ? 60 : datagram.Length)] = (byte)random.Next(256);
            }

            int length = random.Next(6) == 0 ? random.Next(1, datagram.Length) : datagram.Length;
            socket.SendTo(datagram.AsSpan(0, length), target);
            if (i % 2_000 == 1_999)
            {
                // The answer shows that the daemon has kept up, so that datagrams are read and not lost in the socket.
                await daemon.JsonAsync("status");
            }
        }
    }
}
