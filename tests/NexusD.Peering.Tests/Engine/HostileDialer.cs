using System.Net;
using System.Text;
using NexusD.Buffers;
using NexusD.Loops;
using NexusD.Protocol.Greetings;
using NexusD.Protocol.Peer;
using NexusD.Quic;

namespace NexusD.Peering.Tests.Engine;

/// <summary>Connects with the real engine and sends a handshake and frames with bytes changed.</summary>
internal sealed class HostileDialer : IQuicConnectionHandler, IDisposable
{
    private readonly EventLoop _loop = new();
    private readonly SlabPool _pool = new();
    private readonly IQuicEndpoint _endpoint;
    private byte[] _control = [];
    private byte[] _lane = [];
    private bool _over;

    public HostileDialer() => _endpoint = QuicEndpoint.Create(QuicEngineKind.Ngtcp2, _loop, new QuicEndpointOptions
    {
        Bind = new IPEndPoint(IPAddress.Loopback, 0),
        Credentials = SelfSignedCertificate.CreateCredentials("hostile"),
        Alpn = "nexusd/1",
        Pool = _pool,
    });

    /// <summary>One connection from its handshake to its end.</summary>
    public void Attack(IPEndPoint victim, Random random)
    {
        _control = Mutate(ControlBytes(), random, from: random.Next(3) == 0 ? 0 : 110);
        _lane = Mutate(LaneBytes(random), random, from: 0);
        _over = false;
        IQuicConnection connection = _endpoint.Connect(new QuicConnectOptions { Remote = victim }, this);
        LoopTimer patience = _loop.CreateTimer(() => connection.Close(0, "enough"));
        patience.SetAfter(TimeSpan.FromMilliseconds(200));
        while (!_over)
        {
            _loop.RunTurn();
        }

        patience.Cancel();
    }

    public void OnConnected(IQuicConnection connection)
    {
        Send(connection, connection.OpenStream(unidirectional: false), _control);
        Send(connection, connection.OpenStream(unidirectional: true), _lane);
    }

    public void OnStreamOpened(IQuicConnection connection, long stream, bool unidirectional)
    {
    }

    public void OnStreamData(IQuicConnection connection, long stream, ReadOnlySpan<byte> data, bool end) =>
        connection.Consume(stream, data.Length);

    public void OnStreamAborted(IQuicConnection connection, long stream, bool sendingSide, ulong errorCode)
    {
    }

    public void OnSendProgress(IQuicConnection connection)
    {
    }

    public void OnClosed(IQuicConnection connection, QuicCloseInfo info) => _over = true;

    public void Dispose()
    {
        _endpoint.Dispose();
        _loop.Dispose();
    }

    private void Send(IQuicConnection connection, long stream, byte[] bytes)
    {
        if (bytes.Length > 0)
        {
            Slab slab = _pool.Rent(bytes.Length);
            bytes.CopyTo(slab.Span);
            connection.Write(stream, slab, 0, bytes.Length);
        }
    }

    private static byte[] ControlBytes()
    {
        var hello = new PeerHelloFrame
        {
            NodeId = MeshOptions.NewNodeId(),
            NodeName = "hostile"u8,
            Cluster = "engine-test"u8,
            DaemonVersion = "1"u8,
            MeshPort = 1,
        };
        byte[] bytes = new byte[StreamPreamble.Size + hello.FrameBytes];
        StreamPreamble.Control.Write(bytes);
        hello.Write(bytes.AsSpan(StreamPreamble.Size));
        var interest = new InterestFrame { Version = 1, Reset = true, Entries = [1, 1, 0, (byte)'#'] };
        byte[] frame = new byte[interest.FrameBytes];
        interest.Write(frame);
        return [.. bytes, .. frame, .. frame, 4, 0, 0, 0, 0x84, 0, 0, 0, 4, 0, 0, 0, 0x86, 0, 0, 0];
    }

    private static byte[] LaneBytes(Random random)
    {
        byte[] topic = Encoding.UTF8.GetBytes($"x/{random.Next(5)}");
        byte[] body = [3, 0, 0, 0, 1, 2, 3];
        byte[] forward = new byte[ForwardFrame.HeaderBytes + body.Length];
        ForwardFrame.WriteHeader(forward, forward.Length, 0, 0, 1, 4, 1 + (ulong)random.Next(99), 1);
        body.CopyTo(forward, ForwardFrame.HeaderBytes);
        byte[] preamble = new byte[StreamPreamble.Size];
        StreamPreamble.ForLane(0, Protocol.Priority.Normal).Write(preamble);
        byte[] declaration = [(byte)(8 + topic.Length), 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, .. topic];
        return [.. preamble, .. declaration, .. forward, .. forward];
    }

    private static byte[] Mutate(byte[] bytes, Random random, int from)
    {
        for (int changes = random.Next(1, 5); changes > 0 && from < bytes.Length; changes--)
        {
            bytes[random.Next(from, bytes.Length)] = (byte)random.Next(256);
        }

        return random.Next(6) == 0 ? bytes[..random.Next(bytes.Length)] : bytes;
    }
}
