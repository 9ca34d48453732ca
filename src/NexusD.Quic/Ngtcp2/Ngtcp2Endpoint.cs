using System.Net;
using System.Net.Sockets;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using NexusD.Loops;
using NexusD.Quic.Native;

namespace NexusD.Quic.Ngtcp2;

/// <summary>
/// The ngtcp2 engine: one UDP socket, its connections, and the loop that drives them. This part: life and bookkeeping.
/// <c>.Receive</c>: datagrams in. <c>.Accept</c>: first packets of strangers. <c>.Send</c>: the end of a turn.
/// Sees Buffers, Loops and the native libraries; knows nothing of what the streams carry.
/// </summary>
internal sealed unsafe partial class Ngtcp2Endpoint : IQuicEndpoint
{
    private const int SecretBytes = 32;

    private readonly QuicEndpointOptions _options;
    private readonly UdpReceiver _receiver;
    private readonly HashSet<Ngtcp2Connection> _connections = [];
    private readonly Queue<Ngtcp2Connection> _gone = [];
    private readonly byte* _secrets;
    private readonly int _watch;
    private int _serverHandshakes;
    private long _accepted;
    private long _dialed;
    private long _failed;
    private long _retries;
    private long _dropped;
    private long _bytesReceived;
    private bool _disposed;

    /// <exception cref="SocketException">The address cannot be bound.</exception>
    /// <exception cref="System.Security.Cryptography.CryptographicException">
    /// The credentials are not usable.
    /// </exception>
    public Ngtcp2Endpoint(EventLoop loop, QuicEndpointOptions options)
    {
        NativeLibraries.EnsureLoaded();
        Loop = loop;
        _options = options;
        Tls = new TlsContext(options.Credentials, options.Alpn);
        try
        {
            Socket = new UdpSocket(options.Bind, options.SegmentationOffload);
        }
        catch
        {
            Tls.Release();
            throw;
        }

        _receiver = new UdpReceiver(Socket, options.MaxUdpPayloadBytes);
        Batch = new PacketBatch(Socket);
        Template = new TransportTemplate(options, _receiver.MaxDatagramBytes);
        KeepAliveNs = TransportTemplate.Nanoseconds(options.KeepAlive);
        _secrets = (byte*)NativeMemory.Alloc(2 * SecretBytes);
        GnuTls.Random(GnuTls.RandomKey, new Span<byte>(_secrets, 2 * SecretBytes));
        options.ResetSecret.Span.CopyTo(new Span<byte>(ResetSecret, SecretBytes));
        _watch = loop.Watch(Socket.Fd, LoopEvents.Readable, this);
    }

    public string EngineName => "ngtcp2";

    public IPEndPoint LocalEndPoint => Socket.Local.ToEndPoint();

    internal EventLoop Loop { get; }

    internal UdpSocket Socket { get; }

    internal PacketBatch Batch { get; }

    internal TransportTemplate Template { get; }

    internal ConnectionIdTable Ids { get; } = new();

    /// <summary>By the token that a peer would send if it lost its state.</summary>
    internal Dictionary<UInt128, Ngtcp2Connection> ResetTokens { get; } = [];

    /// <summary>For connections made from now on.</summary>
    internal TlsContext Tls { get; private set; }

    internal ulong KeepAliveNs { get; }

    /// <summary>Room that ngtcp2 must be given for a packet.</summary>
    internal int MaxPacketBytes => _options.MaxUdpPayloadBytes;

    private byte* ResetSecret => _secrets;

    private byte* RetrySecret => _secrets + SecretBytes;

    public IQuicConnection Connect(QuicConnectOptions options, IQuicConnectionHandler handler)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentNullException.ThrowIfNull(handler);
        QuicOptionsCheck.Check(options);
        if (!Socket.TryMakeRemote(options.Remote, out UdpAddress remote))
        {
            throw new ArgumentException(
                $"{options.Remote} cannot be reached from a socket bound to {LocalEndPoint}; " +
                "bind an IPv6 any-address to serve both.",
                nameof(options));
        }

        if (_connections.Count >= _options.MaxConnections)
        {
            throw new InvalidOperationException(
                $"All {_options.MaxConnections} connections are in use (MaxConnections).");
        }

        Ngtcp2Connection connection = Ngtcp2Connection.Dial(
            this, remote, options.ServerName, handler, MonotonicClock.NowNs);
        _connections.Add(connection);
        connection.Mark();
        return connection;
    }

    public void ReplaceCredentials(QuicCredentials credentials)
    {
        var replacement = new TlsContext(credentials, _options.Alpn);
        Tls.Release();
        Tls = replacement;
    }

    public QuicEndpointStatistics GetStatistics() => new(
        _connections.Count,
        _accepted,
        _dialed,
        _failed,
        _retries,
        _dropped,
        Batch.BytesSent,
        _bytesReceived,
        Socket.SegmentationOffload,
        Socket.ReceiveOffload);

    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        long now = MonotonicClock.NowNs;
        foreach (Ngtcp2Connection connection in _connections.ToArray())
        {
            connection.Abandon(now);
        }

        ReleaseEnding(now);
        _disposed = true;
        while (_gone.TryDequeue(out Ngtcp2Connection? connection))
        {
            connection.Forget();
        }

        Loop.Unwatch(_watch);
        Batch.Flush();
        Tls.Release();
        Socket.Dispose();
        _receiver.Dispose();
        Batch.Dispose();
        Template.Dispose();
        NativeMemory.Free(_secrets);
    }

    /// <summary>A new connection ID of ours that no connection uses.</summary>
    internal void MakeConnectionId(NgCid* cid)
    {
        do
        {
            ConnectionId.MakeRandom(cid);
        }
        while (Ids.Find(ConnectionId.From(cid)) is not null);
    }

    /// <summary>
    /// The stateless reset token that belongs to one of our connection IDs (RFC 9000 section 10.3.2).
    /// </summary>
    internal void MakeResetToken(NgCid* cid, byte* token)
    {
        if (NgTcp2Crypto.ngtcp2_crypto_generate_stateless_reset_token(token, ResetSecret, SecretBytes, cid) != 0)
        {
            throw new InvalidOperationException("GnuTLS could not derive a stateless reset token.");
        }
    }

    internal IQuicConnectionHandler? Accept(IQuicConnection connection) => _options.Accept?.Invoke(connection);

    internal void OnHandshakeCompleted(Ngtcp2Connection connection)
    {
        if (connection.IsServer)
        {
            _serverHandshakes--;
            _accepted++;
        }
        else
        {
            _dialed++;
        }
    }

    /// <summary>A connection was freed; <paramref name="completed"/> tells whether its handshake had been.</summary>
    internal void OnReleased(Ngtcp2Connection connection, bool completed)
    {
        _connections.Remove(connection);
        if (!completed)
        {
            _failed++;
            _serverHandshakes -= connection.IsServer ? 1 : 0;
        }

        // The oldest ones are forgotten early rather than let a flood of short connections pile up.
        _gone.Enqueue(connection);
        if (_gone.Count > _options.MaxConnections)
        {
            _gone.Dequeue().Forget();
        }
    }

    /// <summary>The time of a gone connection is up. Those before it in the queue are over soon as well.</summary>
    internal void Forget(Ngtcp2Connection connection)
    {
        connection.Forget();
        while (_gone.TryPeek(out Ngtcp2Connection? oldest) && oldest.IsForgotten)
        {
            _gone.Dequeue();
        }
    }

    /// <summary>A handler threw, which it must not: the loop's owner hears of it.</summary>
    internal void Report(Exception e)
    {
        var captured = ExceptionDispatchInfo.Capture(e);
        Loop.Post(() => captured.Throw());
    }
}
