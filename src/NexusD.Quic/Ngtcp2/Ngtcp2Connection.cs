using System.Net;
using System.Runtime.InteropServices;
using System.Security.Cryptography.X509Certificates;
using NexusD.Buffers;
using NexusD.Loops;
using NexusD.Quic.Native;

namespace NexusD.Quic.Ngtcp2;

/// <summary>
/// One QUIC connection on ngtcp2. This part: creation and what the user calls. <c>.Callbacks</c>: what ngtcp2 calls.
/// <c>.Write</c>: packets out. <c>.Close</c>: the end. All on the endpoint's loop.
/// </summary>
/// <remarks>
/// Most of ngtcp2 must not be called from inside its callbacks, and users call us from inside theirs. So user calls
/// only change our own state and mark the connection; the endpoint flushes marked connections at the end of the turn.
/// Calls that ngtcp2 allows there (opening streams, giving credit) go through at once.
/// </remarks>
internal sealed unsafe partial class Ngtcp2Connection : IQuicConnection
{
    private readonly Ngtcp2Endpoint _endpoint;
    private readonly bool _isServer;
    private readonly Dictionary<long, Ngtcp2Stream> _streams = [];
    private readonly List<ConnectionId> _ids = [];
    private readonly List<UInt128> _resetTokens = [];
    private readonly LoopTimer _timer;
    private readonly TlsSession _tls;
    private GCHandle _self;
    private nint _native;
    private IQuicConnectionHandler? _handler;
    private UdpAddress _remote;
    private UdpAddress _local;
    private Phase _phase = Phase.Handshaking;
    private ulong _lastTime;
    private long _unacknowledged;
    private long _bytesReceived;
    private long _bytesSent;
    private long _lostBefore;
    private bool _progress;
    private bool _marked;
    private string? _alpn;
    private X509Certificate2? _peerCertificate;

    private Ngtcp2Connection(
        Ngtcp2Endpoint endpoint, bool isServer, UdpAddress remote, UdpAddress local, TlsSession tls)
    {
        _endpoint = endpoint;
        _isServer = isServer;
        _remote = remote;
        _local = local;
        _tls = tls;
        _timer = endpoint.Loop.CreateTimer(OnTimer);
        _self = GCHandle.Alloc(this);
    }

    private enum Phase
    {
        Handshaking,
        Open,

        /// <summary>Over; waits for the end of the turn to tell the user and to be freed.</summary>
        Ending,

        /// <summary>
        /// Freed; only its IDs and perhaps its last packet are kept for a while (RFC 9000 section 10.2).
        /// </summary>
        Gone,
    }

    public IPEndPoint RemoteEndPoint
    {
        get
        {
            if (_native != 0)
            {
                _remote = *NgTcp2.ngtcp2_conn_get_path(_native)->Remote.Address;
            }

            return _remote.ToEndPoint();
        }
    }

    public string Alpn => _alpn ?? "";

    public X509Certificate2? PeerCertificate
    {
        get
        {
            if (_peerCertificate is null && _native != 0 && _phase == Phase.Open)
            {
                _peerCertificate = _tls.GetPeerCertificate();
            }

            return _peerCertificate;
        }
    }

    public long UnacknowledgedBytes => _unacknowledged;

    internal bool IsServer => _isServer;

    /// <summary>Whether the handshake is still under way.</summary>
    internal bool IsHandshaking => _phase == Phase.Handshaking;

    internal bool IsGone => _phase == Phase.Gone;

    /// <summary>
    /// Starts a connection to <paramref name="remote"/>; its first packet leaves at the end of the turn.
    /// </summary>
    internal static Ngtcp2Connection Dial(
        Ngtcp2Endpoint endpoint, UdpAddress remote, string? serverName, IQuicConnectionHandler handler, long nowNs)
    {
        // The kernel chooses our address per packet, so a client's path has the bound one, whatever it says.
        UdpAddress local = endpoint.Socket.Local;
        var tls = new TlsSession(endpoint.Tls, server: false, serverName);
        var connection = new Ngtcp2Connection(endpoint, isServer: false, remote, local, tls) { _handler = handler };
        NgCid dcid, scid;
        dcid.Length = NgCid.MaxLength;
        GnuTls.Random(GnuTls.RandomNonce, new Span<byte>(dcid.Data, NgCid.MaxLength));
        endpoint.MakeConnectionId(&scid);
        ulong now = connection.Clock(nowNs);
        NgSettings settings = endpoint.Template.CopySettings(now);
        NgTransportParameters parameters = endpoint.Template.CopyParameters();
        connection.Create(&dcid, &scid, &settings, &parameters);
        connection.AddId(&scid);
        return connection;
    }

    /// <summary>Starts the server's side for a first packet that passed <c>ngtcp2_accept</c>.</summary>
    /// <param name="endpoint">The owner.</param>
    /// <param name="header">The packet's header.</param>
    /// <param name="originalDcid">The ID the client chose first; differs from the header's after a Retry.</param>
    /// <param name="validated">Whether a Retry token proved the client's address.</param>
    /// <param name="remote">The client.</param>
    /// <param name="local">The address it wrote to.</param>
    /// <param name="nowNs">The time.</param>
    internal static Ngtcp2Connection Accept(
        Ngtcp2Endpoint endpoint, NgPacketHeader* header, NgCid* originalDcid, bool validated,
        UdpAddress remote, UdpAddress local, long nowNs)
    {
        var tls = new TlsSession(endpoint.Tls, server: true, serverName: null);
        var connection = new Ngtcp2Connection(endpoint, isServer: true, remote, local, tls);
        NgCid scid;
        endpoint.MakeConnectionId(&scid);
        NgSettings settings = endpoint.Template.CopySettings(connection.Clock(nowNs));
        NgTransportParameters parameters = endpoint.Template.CopyParameters();
        parameters.OriginalDestinationCid = *originalDcid;
        parameters.OriginalDestinationCidPresent = 1;
        parameters.StatelessResetTokenPresent = 1;
        endpoint.MakeResetToken(&scid, parameters.StatelessResetToken);
        if (validated)
        {
            parameters.RetrySourceCid = header->DestinationCid;
            parameters.RetrySourceCidPresent = 1;
            settings.Token = header->Token;
            settings.TokenLength = header->TokenLength;
            settings.TokenType = NgSettings.TokenRetry;
        }

        connection.Create(&header->SourceCid, &scid, &settings, &parameters);
        connection.AddId(&scid);
        connection.AddId(&header->DestinationCid);
        return connection;
    }

    public long OpenStream(bool unidirectional)
    {
        if (_phase != Phase.Open || _closeRequested)
        {
            return -1;
        }

        long id;
        int result = unidirectional
            ? NgTcp2.ngtcp2_conn_open_uni_stream(_native, &id, 0)
            : NgTcp2.ngtcp2_conn_open_bidi_stream(_native, &id, 0);
        if (result != 0)
        {
            return -1;
        }

        _streams.Add(id, new Ngtcp2Stream(id));
        return id;
    }

    public void Prefer(long stream)
    {
        if (TryFindWritable(stream, out Ngtcp2Stream? found) && !found.IsPreferred)
        {
            Unschedule(found);
            found.IsPreferred = true;
            Schedule(found);
        }
    }

    public void Write(long stream, Slab slab, int offset, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, slab.Capacity - offset);
        if (length == 0 || !TryFindWritable(stream, out Ngtcp2Stream? found) || found.FinishRequested)
        {
            slab.Release();
            return;
        }

        _unacknowledged += length;
        found.Queue.Append(slab, offset, length);
        Schedule(found);
        Mark();
    }

    public void FinishWriting(long stream)
    {
        if (TryFindWritable(stream, out Ngtcp2Stream? found) && !found.FinishRequested)
        {
            found.FinishRequested = true;
            Schedule(found);
            Mark();
        }
    }

    public void ResetWriting(long stream, ulong errorCode)
    {
        CheckErrorCode(errorCode);
        if (TryFindWritable(stream, out Ngtcp2Stream? found))
        {
            found.ResetByUs = true;
            CloseWriting(found);
            Defer(new StreamCommand(stream, errorCode, StopReading: false));
        }
    }

    public void StopReading(long stream, ulong errorCode)
    {
        CheckErrorCode(errorCode);
        if (_phase == Phase.Open && _streams.TryGetValue(stream, out Ngtcp2Stream? found) && CanRead(stream))
        {
            found.ReadStopped = true;
            Defer(new StreamCommand(stream, errorCode, StopReading: true));
        }
    }

    public void Consume(long stream, int bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        if (_phase != Phase.Open || bytes == 0)
        {
            return;
        }

        // A stream that is gone has no window any more; its bytes still count for the connection's.
        _ = NgTcp2.ngtcp2_conn_extend_max_stream_offset(_native, stream, (ulong)bytes);
        NgTcp2.ngtcp2_conn_extend_max_offset(_native, (ulong)bytes);
        Mark();
    }

    public void Close(ulong errorCode, string reason)
    {
        CheckErrorCode(errorCode);
        ArgumentNullException.ThrowIfNull(reason);
        if (_phase < Phase.Ending && !_closeRequested)
        {
            _closeRequested = true;
            _closeCode = errorCode;
            _closeReason = reason;
            Mark();
        }
    }

    public QuicConnectionStatistics GetStatistics()
    {
        if (_native == 0)
        {
            return new QuicConnectionStatistics(0, 0, 0, 0, _bytesSent, _bytesReceived, _lostBefore);
        }

        NgConnectionInfo info;
        NgTcp2.ngtcp2_conn_get_conn_info_versioned(_native, NgConnectionInfo.Version, &info);
        long lost = _lostBefore;
        foreach (long id in _streams.Keys)
        {
            lost += (long)NgTcp2.ngtcp2_conn_get_stream_loss_count(_native, id);
        }

        return new QuicConnectionStatistics(
            (long)info.SmoothedRtt,
            info.MinRtt == ulong.MaxValue ? 0 : (long)info.MinRtt,
            (long)info.CongestionWindow,
            (int)NgTcp2.ngtcp2_conn_get_path_max_tx_udp_payload_size(_native),
            _bytesSent,
            _bytesReceived,
            lost);
    }

    /// <summary>
    /// Starts a key update (RFC 9001 section 6); ngtcp2 does it by itself long before a key wears out.
    /// </summary>
    internal bool TryUpdateKeys(long nowNs)
    {
        Mark();
        return _phase == Phase.Open && NgTcp2.ngtcp2_conn_initiate_key_update(_native, Clock(nowNs)) == 0;
    }

    /// <summary>Makes the endpoint flush this connection at the end of the turn.</summary>
    internal void Mark()
    {
        if (!_marked)
        {
            _marked = true;
            _endpoint.AddMarked(this);
        }
    }

    private static void CheckErrorCode(ulong errorCode) =>
        ArgumentOutOfRangeException.ThrowIfGreaterThan(errorCode, NgTcp2.MaxVarInt);

    /// <summary>
    /// ngtcp2 aborts the process when time goes back, so each connection sees a clock of its own that cannot.
    /// </summary>
    private ulong Clock(long nowNs)
    {
        _lastTime = Math.Max(_lastTime, (ulong)nowNs);
        return _lastTime;
    }

    private void Create(NgCid* dcid, NgCid* scid, NgSettings* settings, NgTransportParameters* parameters)
    {
        nint native = 0;
        nint self = GCHandle.ToIntPtr(_self);
        int result;
        fixed (UdpAddress* remote = &_remote, local = &_local)
        {
            NgPath path = MakePath(remote, local);
            result = _isServer
                ? NgTcp2.ngtcp2_conn_server_new_versioned(
                    &native, dcid, scid, &path, NgTcp2.ProtocolVersion1, NgCallbacks.Version, NativeCallbacks.Table,
                    NgSettings.Version, settings, NgTransportParameters.Version, parameters, null, self)
                : NgTcp2.ngtcp2_conn_client_new_versioned(
                    &native, dcid, scid, &path, NgTcp2.ProtocolVersion1, NgCallbacks.Version, NativeCallbacks.Table,
                    NgSettings.Version, settings, NgTransportParameters.Version, parameters, null, self);
        }

        if (result != 0)
        {
            _tls.Dispose();
            _self.Free();
            throw new InvalidOperationException($"ngtcp2 could not make a connection: {NgTcp2.ErrorText(result)}.");
        }

        _native = native;
        _tls.Attach(native);
        NgTcp2.ngtcp2_conn_set_tls_native_handle(native, _tls.Handle);
        NgTcp2.ngtcp2_conn_set_keep_alive_timeout(native, _endpoint.KeepAliveNs);
    }

    private static NgPath MakePath(UdpAddress* remote, UdpAddress* local) => new()
    {
        Local = new NgAddress { Address = local, Length = local->Length },
        Remote = new NgAddress { Address = remote, Length = remote->Length },
    };

    private bool AddId(NgCid* cid)
    {
        ConnectionId id = ConnectionId.From(cid);
        if (!_endpoint.Ids.TryAdd(id, this))
        {
            return false;
        }

        _ids.Add(id);
        return true;
    }

    /// <summary>Bidirectional, or opened by the peer.</summary>
    private bool CanRead(long stream) =>
        !Ngtcp2Stream.IsUnidirectional(stream) || Ngtcp2Stream.IsOpenedByServer(stream) != _isServer;

    /// <summary>Bidirectional, or opened by us.</summary>
    private bool CanWrite(long stream) =>
        !Ngtcp2Stream.IsUnidirectional(stream) || Ngtcp2Stream.IsOpenedByServer(stream) == _isServer;

    private bool TryFindWritable(
        long stream, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out Ngtcp2Stream? found)
    {
        found = null;
        return _phase == Phase.Open
            && _streams.TryGetValue(stream, out found)
            && !found.WriteClosed
            && CanWrite(stream);
    }
}
