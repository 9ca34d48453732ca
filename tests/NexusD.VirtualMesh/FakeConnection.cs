using System.Net;
using System.Security.Cryptography.X509Certificates;
using NexusD.Buffers;
using NexusD.Quic;

namespace NexusD.VirtualMesh;

/// <summary>
/// One side of a connection; see <see cref="FakeNetwork"/>. Checks that its user keeps the rules of the seam.
/// </summary>
internal sealed class FakeConnection : IQuicConnection
{
    private const long RetryNs = 50_000_000;

    private readonly FakeNetwork _network;
    private readonly FakeEndpoint _endpoint;
    private readonly IQuicConnectionHandler? _handler;
    private readonly bool _isClient;
    private readonly Dictionary<long, FakeStream> _streams = [];
    private readonly Queue<(Slab Slab, int Length)> _unacknowledged = new();
    private FakeConnection? _peer;
    private long _nextUni;
    private long _nextBidi;
    private bool _toldConnected;
    private long _lastHeardNs;

    public FakeConnection(
        FakeNetwork network, FakeEndpoint endpoint, IPEndPoint remote, IQuicConnectionHandler? handler, bool isClient)
    {
        _network = network;
        _endpoint = endpoint;
        _handler = handler;
        _isClient = isClient;
        RemoteEndPoint = remote;
    }

    public IPEndPoint RemoteEndPoint { get; }

    public string Alpn => _toldConnected ? "nexusd/1" : "";

    public X509Certificate2? PeerCertificate => null;

    public long UnacknowledgedBytes { get; private set; }

    /// <summary>No acknowledgement of QUIC arrives while set.</summary>
    public bool HoldsAcks { get; set; }

    /// <summary>Nothing that the peer wrote arrives while set, so no LANE_ACK does.</summary>
    public bool HoldsInput { get; set; }

    /// <summary>How many streams the peer lets this side open.</summary>
    public int UniStreamsGranted { get; set; } = 16;

    public bool IsOver { get; private set; }

    /// <summary>What the handler was told at the end.</summary>
    public QuicCloseInfo? Closed { get; private set; }

    /// <summary>Bytes told to the handler and not given back.</summary>
    public long UnconsumedBytes { get; private set; }

    /// <summary>Bytes given to <see cref="Write"/> on the control stream and elsewhere.</summary>
    public long WrittenBytes { get; private set; }

    public FakeEndpoint Endpoint => _endpoint;

    public FakeConnection? Peer => _peer;

    private VirtualWorld World => _network.World;

    private bool CanReach => !_network.IsCut(_endpoint.LocalEndPoint.Address, RemoteEndPoint.Address);

    private bool CanHear => !_network.IsCut(RemoteEndPoint.Address, _endpoint.LocalEndPoint.Address);

    public long OpenStream(bool unidirectional)
    {
        if (unidirectional && _nextUni >= UniStreamsGranted)
        {
            return -1;
        }

        long count = unidirectional ? _nextUni++ : _nextBidi++;
        long id = (count << 2) | (unidirectional ? 2L : 0L) | (_isClient ? 0L : 1L);
        _streams.Add(id, new FakeStream());
        return id;
    }

    public void Write(long stream, Slab slab, int offset, int length)
    {
        Assert.True(length > 0, "an empty write");
        if (IsOver || !_toldConnected)
        {
            slab.Release();
            return;
        }

        Assert.False(StreamOf(stream).Finished, "a write behind the end of a stream");
        WrittenBytes += length;
        UnacknowledgedBytes += length;
        _unacknowledged.Enqueue((slab, length));

        // Copied when it is sent, as an engine would: bytes that change under it would be seen by the tests.
        byte[] bytes = slab.Slice(offset, length).ToArray();
        _network.Tap?.Invoke(this, stream, bytes);
        Send(stream, peer => peer.Deliver(stream, bytes, end: false));
    }

    public void FinishWriting(long stream)
    {
        if (!IsOver)
        {
            StreamOf(stream).Finished = true;
            Send(stream, peer => peer.Deliver(stream, [], end: true));
        }
    }

    public void ResetWriting(long stream, ulong errorCode)
    {
        if (!IsOver)
        {
            Send(stream, peer => peer._handler!.OnStreamAborted(peer, stream, sendingSide: false, errorCode));
        }
    }

    public void StopReading(long stream, ulong errorCode)
    {
        if (!IsOver)
        {
            Send(stream, peer => peer._handler!.OnStreamAborted(peer, stream, sendingSide: true, errorCode));
        }
    }

    public void Consume(long stream, int bytes)
    {
        UnconsumedBytes -= bytes;
        Assert.True(UnconsumedBytes >= 0, "more credit was given back than was taken");
    }

    public void Close(ulong errorCode, string reason)
    {
        if (IsOver)
        {
            return;
        }

        bool connecting = !_toldConnected && _peer is not null;
        End();
        if (connecting)
        {
            // The news that the handshake is complete may be under way when the user closes.
            _toldConnected = true;
            World.After(0, () => _handler!.OnConnected(this));
        }

        World.After(0, () => TellClosed(new QuicCloseInfo(QuicCloseKind.Local, errorCode, reason)));
        if (_peer is { } peer && CanReach)
        {
            // Behind what was sent before, as the engine flushes it first.
            World.After(
                _network.DelayNs + _network.JitterNs,
                () => peer.PeerClosed(new QuicCloseInfo(QuicCloseKind.PeerApplication, errorCode, reason)));
        }
    }

    public QuicConnectionStatistics GetStatistics() => default;

    public void FirstPacketArrives()
    {
        if (IsOver || _peer is not null || !CanReach || !CanHear
            || _network.Find(RemoteEndPoint) is not { IsPaused: false } server)
        {
            return;
        }

        var accepted = new FakeConnection(
            _network, server, _endpoint.LocalEndPoint, null, isClient: false);
        IQuicConnectionHandler? handler = server.Options.Accept?.Invoke(accepted);
        if (handler is null)
        {
            var refused = new QuicCloseInfo(QuicCloseKind.PeerTransport, 2, "refused");
            World.After(_network.DelayNs, () => PeerClosed(refused));
            return;
        }

        var withHandler = new FakeConnection(_network, server, _endpoint.LocalEndPoint, handler, isClient: false)
        {
            _peer = this,
        };
        _peer = withHandler;
        server.Own.Add(withHandler);
        _network.Connections.Add(withHandler);
        World.After(_network.DelayNs, TellConnected);
        World.After(2 * _network.DelayNs, withHandler.TellConnected);
    }

    public void HandshakeTimesOut()
    {
        if (!IsOver && !_toldConnected && !WaitsForWake(HandshakeTimesOut))
        {
            End();
            TellClosed(new QuicCloseInfo(QuicCloseKind.TimedOut, 0, "handshake"));
        }
    }

    /// <summary>The path is cut: if it stays so, both sides time out.</summary>
    public void OnCut()
    {
        if (!IsOver && !CanHear)
        {
            World.After((long)_endpoint.Options.IdleTimeout.TotalNanoseconds, IdleTimesOut);
        }
    }

    /// <summary>This side is gone without a word.</summary>
    public void Vanish()
    {
        bool was = IsOver;
        End();
        if (!was && _peer is { IsOver: false } peer)
        {
            World.After((long)_endpoint.Options.IdleTimeout.TotalNanoseconds, peer.IdleTimesOut);
        }
    }

    private FakeStream StreamOf(long stream)
    {
        if (!_streams.TryGetValue(stream, out FakeStream? state))
        {
            _streams.Add(stream, state = new FakeStream());
        }

        return state;
    }

    /// <summary>The connection dies on this side as by a stateless reset; the other one hears nothing.</summary>
    public void Die()
    {
        if (!IsOver && _toldConnected)
        {
            Vanish();
            World.After(0, () => TellClosed(new QuicCloseInfo(QuicCloseKind.Reset, 0, "reset")));
        }
    }

    /// <summary>What comes to a process that is stopped waits.</summary>
    private bool WaitsForWake(Action what)
    {
        if (_endpoint.IsPaused)
        {
            World.After(RetryNs, what);
        }

        return _endpoint.IsPaused;
    }

    private void TellConnected()
    {
        if (!IsOver && !_toldConnected && !WaitsForWake(TellConnected))
        {
            _toldConnected = true;
            _lastHeardNs = World.NowNs;
            _handler!.OnConnected(this);
        }
    }

    private void Send(long stream, Action<FakeConnection> arrive)
    {
        FakeStream state = StreamOf(stream);
        long jitter = _network.JitterNs == 0 ? 0 : World.Random.NextInt64(_network.JitterNs);
        long due = Math.Max(state.LastArrivalNs, World.NowNs + _network.DelayNs + jitter);
        state.LastArrivalNs = due;
        state.Waiting.Enqueue(arrive);
        World.After(due - World.NowNs, () => Arrive(state));
    }

    private void Arrive(FakeStream state)
    {
        if (_peer is not { IsOver: false } peer)
        {
            return;
        }

        if (!CanReach || peer.HoldsInput || peer._endpoint.IsPaused)
        {
            World.After(RetryNs, () => Arrive(state)); // sent again
            return;
        }

        if (state.Waiting.TryDequeue(out Action<FakeConnection>? arrive))
        {
            arrive(peer);
        }
    }

    private void Deliver(long stream, byte[] bytes, bool end)
    {
        if (!_toldConnected)
        {
            World.After(_network.DelayNs, () => Deliver(stream, bytes, end)); // waits for the handshake
            return;
        }

        FakeStream state = StreamOf(stream);
        bool unidirectional = (stream & 2) != 0;
        bool fromPeer = (stream & 1) == 0 != _isClient;
        if (fromPeer && !state.ToldOpened)
        {
            state.ToldOpened = true;
            _handler!.OnStreamOpened(this, stream, unidirectional);
        }

        _lastHeardNs = World.NowNs;
        for (int offset = 0; (offset < bytes.Length || (offset == 0 && end)) && !IsOver;)
        {
            int length = Math.Min(bytes.Length - offset, 1 + World.Random.Next(_network.PieceBytes));
            UnconsumedBytes += length;
            bool last = offset + length == bytes.Length;
            _handler!.OnStreamData(this, stream, bytes.AsSpan(offset, length), end && last);
            offset += length;
            if (length == 0)
            {
                break;
            }
        }

        if (bytes.Length > 0)
        {
            _peer?.AckLater();
        }
    }

    private void AckLater() => World.After(_network.DelayNs, Ack);

    private void Ack()
    {
        if (IsOver)
        {
            return;
        }

        if (HoldsAcks || !CanHear || _endpoint.IsPaused)
        {
            World.After(20_000_000, Ack);
            return;
        }

        (Slab slab, int length) = _unacknowledged.Dequeue();
        UnacknowledgedBytes -= length;
        _lastHeardNs = World.NowNs;
        slab.Release();
        _handler!.OnSendProgress(this);
    }

    private void IdleTimesOut()
    {
        if (IsOver || (_peer is { IsOver: false } && CanHear) || WaitsForWake(IdleTimesOut))
        {
            return;
        }

        End();
        TellClosed(new QuicCloseInfo(QuicCloseKind.TimedOut, 0, "idle"));
    }

    private void PeerClosed(QuicCloseInfo info)
    {
        if (!IsOver && CanHear && !WaitsForWake(() => PeerClosed(info)))
        {
            End();
            TellClosed(info);
        }
    }

    private void End()
    {
        IsOver = true;
        while (_unacknowledged.TryDequeue(out (Slab Slab, int Length) part))
        {
            part.Slab.Release();
        }

        UnacknowledgedBytes = 0;
    }

    private void TellClosed(QuicCloseInfo info)
    {
        if (Closed is null)
        {
            Closed = info;
            _handler!.OnClosed(this, info);
        }
    }

    private sealed class FakeStream
    {
        public Queue<Action<FakeConnection>> Waiting { get; } = new();

        public long LastArrivalNs { get; set; }

        public bool ToldOpened { get; set; }

        public bool Finished { get; set; }
    }
}
