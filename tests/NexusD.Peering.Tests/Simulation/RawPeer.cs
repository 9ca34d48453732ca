using System.Net;
using System.Text;
using NexusD.Buffers;
using NexusD.Protocol;
using NexusD.Protocol.Frames;
using NexusD.Protocol.Greetings;
using NexusD.Protocol.Peer;
using NexusD.Quic;

namespace NexusD.Peering.Tests.Simulation;

/// <summary>A peer that sends whatever the test says, right or wrong, and remembers what it gets.</summary>
internal sealed class RawPeer : IQuicConnectionHandler, IDisposable
{
    private readonly Dictionary<long, List<byte>> _received = [];
    private readonly SlabPool _pool = new();
    private readonly IQuicEndpoint _endpoint;

    /// <summary>Dials <paramref name="node"/> and waits for the connection.</summary>
    public RawPeer(VirtualWorld world, TestNode node, int host = 99)
    {
        World = world;
        Address = IPAddress.Parse($"10.0.0.{host}");
        _endpoint = world.Network.Open(EndpointOptions(null));
        Connection = (FakeConnection)_endpoint.Connect(
            new QuicConnectOptions { Remote = node.Endpoint.LocalEndPoint }, this);
        world.RunUntil(() => Connected || Closed is not null, "the raw peer is connected");
        world.RunFor(2);
    }

    /// <summary>Listens, to be dialed.</summary>
    public RawPeer(VirtualWorld world, int host = 99)
    {
        World = world;
        Address = IPAddress.Parse($"10.0.0.{host}");
        _endpoint = world.Network.Open(EndpointOptions(_ => this));
    }

    public VirtualWorld World { get; }

    public IPAddress Address { get; }

    public FakeConnection? Connection { get; private set; }

    public bool Connected { get; private set; }

    public QuicCloseInfo? Closed { get; private set; }

    public NodeId NodeId { get; set; } = MeshOptions.NewNodeId();

    public long Control { get; private set; } = -1;

    public ErrorCode ClosedWith => Closed is { Kind: QuicCloseKind.PeerApplication } info
        ? (ErrorCode)info.ErrorCode
        : throw new Xunit.Sdk.XunitException($"not closed by the node: {Closed}");

    public void OpenControl(bool greet = true)
    {
        Control = Connection!.OpenStream(unidirectional: false);
        if (greet)
        {
            Send(Control, Preamble(StreamPreamble.Control));
        }
    }

    public long OpenLane(byte lane = 0, Priority priority = Priority.Normal)
    {
        long stream = Connection!.OpenStream(unidirectional: true);
        Send(stream, Preamble(StreamPreamble.ForLane(lane, priority)));
        return stream;
    }

    /// <summary>Becomes an ordinary peer.</summary>
    public void Handshake(string cluster = "test")
    {
        OpenControl();
        SendHello(cluster);
        World.RunFor(5);
    }

    public void SendHello(string cluster = "test", string name = "raw") => Send(Control, Hello(cluster, name));

    public byte[] Hello(
        string cluster = "test", string name = "raw", uint maxAliases = 65_536, uint maxPayload = 4_194_304)
    {
        var hello = new PeerHelloFrame
        {
            NodeId = NodeId,
            NodeName = Encoding.UTF8.GetBytes(name),
            Cluster = Encoding.UTF8.GetBytes(cluster),
            DaemonVersion = "raw"u8,
            MeshPort = 5671,
            Timestamp = HlcNow,
            MaxAliases = maxAliases,
            MaxPayload = maxPayload,
        };
        byte[] frame = new byte[hello.FrameBytes];
        hello.Write(frame);
        return [.. frame, .. Resume(OwnRun, 0)];
    }

    /// <summary>Number of this peer's run of lanes.</summary>
    public ulong OwnRun { get; set; } = 1;

    public static byte[] Resume(ulong own, ulong yours, params (int Lane, ulong Bytes)[] lanes)
    {
        var frame = new LaneResumeFrame { Own = own, Yours = yours, Counts = Counts(lanes) };
        byte[] bytes = new byte[frame.FrameBytes];
        frame.Write(bytes);
        return bytes;
    }

    public static byte[] Ack(params (int Lane, ulong Bytes)[] lanes)
    {
        var frame = new LaneAckFrame(Counts(lanes));
        byte[] bytes = new byte[frame.FrameBytes];
        frame.Write(bytes);
        return bytes;
    }

    /// <summary>Says that all frames that came on lanes were routed.</summary>
    public void AcknowledgeLanes() => Send(Control, Ack([.. Lanes.Select(LaneCount)]));

    /// <summary>A lane by its number, and the bytes that came behind its preamble.</summary>
    public (int Lane, ulong Bytes) LaneCount(long stream) =>
        (PreambleOf(stream)[6], (ulong)(_received[stream].Count - StreamPreamble.Size));

    private static LaneCounts Counts((int Lane, ulong Bytes)[] lanes)
    {
        var counts = default(LaneCounts);
        foreach ((int lane, ulong bytes) in lanes)
        {
            counts.Set(lane, bytes);
        }

        return counts;
    }

    public ulong HlcNow => Routing.HybridClock.FromUnixMs(1_800_000_000_000 + (World.NowNs / 1_000_000));

    public void Send(long stream, ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
        {
            return;
        }

        Slab slab = _pool.Rent(bytes.Length);
        bytes.CopyTo(slab.Span);
        Connection!.Write(stream, slab, 0, bytes.Length);
        World.RunFor(2);
    }

    /// <summary>The frames got on a stream behind its preamble.</summary>
    public List<byte[]> Frames(long stream)
    {
        var frames = new List<byte[]>();
        if (!_received.TryGetValue(stream, out List<byte>? bytes))
        {
            return frames;
        }

        ReadOnlySpan<byte> rest = bytes.ToArray();
        rest = rest[Math.Min(rest.Length, StreamPreamble.Size)..];
        while (FrameHeader.TryCut(rest, 1 << 26, out FrameHeader header) == FrameStatus.Complete)
        {
            frames.Add(rest[..header.FrameBytes].ToArray());
            rest = rest[header.FrameBytes..];
        }

        Assert.True(rest.IsEmpty, "half a frame was sent");
        return frames;
    }

    public byte[] PreambleOf(long stream) => [.. _received[stream].Take(StreamPreamble.Size)];

    public List<byte[]> ControlFrames(byte kind) => [.. Frames(Control).Where(f => f[4] == kind)];

    /// <summary>Streams that the node opened to send events.</summary>
    public IEnumerable<long> Lanes => _received.Keys.Where(s => (s & 2) != 0).Order();

    public List<byte[]> LaneFrames(byte kind) => [.. Lanes.SelectMany(Frames).Where(f => f[4] == kind)];

    public static byte[] Topic(uint alias, string topic)
    {
        var frame = new TopicFrame(alias, Encoding.UTF8.GetBytes(topic));
        byte[] bytes = new byte[frame.FrameBytes];
        frame.Write(bytes);
        return bytes;
    }

    public byte[] Forward(uint alias, ulong publisher, ulong number, params string[] payloads) =>
        ForwardWith(alias, publisher, number, [], payloads);

    public byte[] ForwardWith(uint alias, ulong publisher, ulong number, byte[] properties, params string[] payloads)
    {
        IEnumerable<byte> Event(string p) => BitConverter.GetBytes(p.Length).Concat(Encoding.UTF8.GetBytes(p));
        byte[] body = [.. payloads.SelectMany(Event)];
        byte[] frame = new byte[ForwardFrame.HeaderBytes + properties.Length + body.Length];
        ForwardFrame.WriteHeader(
            frame, frame.Length, RunFlags.None, properties.Length, alias, publisher, number, HlcNow);
        properties.CopyTo(frame, ForwardFrame.HeaderBytes);
        body.CopyTo(frame, ForwardFrame.HeaderBytes + properties.Length);
        return frame;
    }

    public static byte[] Interest(ulong version, bool reset, params (InterestChange Change, string Filter)[] entries)
    {
        byte[] list = new byte[entries.Sum(e => InterestReader.Size(e.Change, Encoding.UTF8.GetByteCount(e.Filter)))];
        int at = 0;
        foreach ((InterestChange change, string filter) in entries)
        {
            at += InterestReader.Write(list.AsSpan(at), change, Encoding.UTF8.GetBytes(filter));
        }

        var frame = new InterestFrame { Version = version, Reset = reset, Entries = list };
        byte[] bytes = new byte[frame.FrameBytes];
        frame.Write(bytes);
        return bytes;
    }

    public static byte[] InterestState(ulong version, ulong digest, uint count)
    {
        byte[] bytes = new byte[InterestStateFrame.FrameBytes];
        new InterestStateFrame(version, digest, count).Write(bytes);
        return bytes;
    }

    public static byte[] Empty(byte kind)
    {
        byte[] bytes = new byte[EmptyFrame.FrameBytes];
        EmptyFrame.Write(bytes, kind);
        return bytes;
    }

    public static byte[] Preamble(StreamPreamble preamble)
    {
        byte[] bytes = new byte[StreamPreamble.Size];
        preamble.Write(bytes);
        return bytes;
    }

    public void OnConnected(IQuicConnection connection)
    {
        Connection = (FakeConnection)connection;
        Connected = true;
    }

    public void OnStreamOpened(IQuicConnection connection, long stream, bool unidirectional) =>
        Control = unidirectional ? Control : stream;

    public void OnStreamData(IQuicConnection connection, long stream, ReadOnlySpan<byte> data, bool end)
    {
        if (!_received.TryGetValue(stream, out List<byte>? bytes))
        {
            _received.Add(stream, bytes = []);
        }

        bytes.AddRange(data);
        connection.Consume(stream, data.Length);
    }

    public void OnStreamAborted(IQuicConnection connection, long stream, bool sendingSide, ulong errorCode)
    {
    }

    public void OnSendProgress(IQuicConnection connection)
    {
    }

    public void OnClosed(IQuicConnection connection, QuicCloseInfo info) => Closed = info;

    public void Dispose() => _endpoint.Dispose();

    private QuicEndpointOptions EndpointOptions(Func<IQuicConnection, IQuicConnectionHandler?>? accept) => new()
    {
        Bind = new IPEndPoint(Address, 5671),
        Credentials = SelfSignedCertificate.CreateCredentials("raw"),
        Alpn = "nexusd/1",
        Pool = _pool,
        Accept = accept,
    };
}
