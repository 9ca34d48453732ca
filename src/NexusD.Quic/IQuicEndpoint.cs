using System.Net;
using System.Security.Cryptography.X509Certificates;
using NexusD.Buffers;

namespace NexusD.Quic;

/// <summary>
/// One UDP socket that speaks QUIC v1 (RFC 9000), both as server and as client. The seam between an engine and its
/// user: batches of bytes for a stream, in and out. Everything here belongs to the thread of the event loop that the
/// endpoint was made with; handlers are called there too. Disposing it closes its connections with code 0 and tells
/// their handlers from inside Dispose.
/// </summary>
public interface IQuicEndpoint : IDisposable
{
    /// <summary>Short name for logs and status: <c>ngtcp2</c> or <c>msquic</c>.</summary>
    string EngineName { get; }

    /// <summary>
    /// The bound address; its port is the real one when 0 was asked for. With msquic an endpoint that only dials has no
    /// address of its own, and this is what was asked for.
    /// </summary>
    IPEndPoint LocalEndPoint { get; }

    /// <summary>
    /// Starts a connection. Returns at once; the outcome comes as <see cref="IQuicConnectionHandler.OnConnected"/> or
    /// <see cref="IQuicConnectionHandler.OnClosed"/>, never from inside this call.
    /// </summary>
    IQuicConnection Connect(QuicConnectOptions options, IQuicConnectionHandler handler);

    /// <summary>Uses new certificates for connections made from now on; existing ones keep theirs.</summary>
    void ReplaceCredentials(QuicCredentials credentials);

    /// <summary>Counters since the endpoint was made.</summary>
    QuicEndpointStatistics GetStatistics();
}

/// <summary>
/// A connection; see <see cref="IQuicEndpoint"/> for the threading rule. Calls after the close are ignored.
/// </summary>
public interface IQuicConnection
{
    /// <summary>The peer's present address (it may move, RFC 9000 section 9).</summary>
    IPEndPoint RemoteEndPoint { get; }

    /// <summary>
    /// The application protocol agreed on; empty before <see cref="IQuicConnectionHandler.OnConnected"/>.
    /// </summary>
    string Alpn { get; }

    /// <summary>The peer's certificate once connected, or null when it showed none.</summary>
    X509Certificate2? PeerCertificate { get; }

    /// <summary>Bytes given to <see cref="Write"/> that the peer has not acknowledged yet.</summary>
    long UnacknowledgedBytes { get; }

    /// <summary>
    /// Opens a stream; returns its id (RFC 9000 section 2.1), or -1 while the peer grants no more streams.
    /// </summary>
    long OpenStream(bool unidirectional);

    /// <summary>
    /// Queues bytes for a stream and takes over one reference to <paramref name="slab"/>, also when the stream or
    /// connection is gone. The bytes must not change until that reference is released (when acknowledged). Sent at the
    /// end of the loop's turn. Does not limit: the user watches <see cref="UnacknowledgedBytes"/> and
    /// <see cref="IQuicConnectionHandler.OnSendProgress"/>.
    /// </summary>
    void Write(long stream, Slab slab, int offset, int length);

    /// <summary>
    /// Lets a stream of ours send before those that are not preferred, whenever it has something. A hint: an engine
    /// that cannot choose serves all streams by turns.
    /// </summary>
    void Prefer(long stream)
    {
    }

    /// <summary>Ends the sending side of a stream after the bytes queued so far.</summary>
    void FinishWriting(long stream);

    /// <summary>Abandons the sending side (RESET_STREAM) with an application error code below 2^62.</summary>
    void ResetWriting(long stream, ulong errorCode);

    /// <summary>Asks the peer to stop sending (STOP_SENDING); what still arrives is thrown away.</summary>
    void StopReading(long stream, ulong errorCode);

    /// <summary>
    /// Returns <paramref name="bytes"/> of receive credit. Each byte told by
    /// <see cref="IQuicConnectionHandler.OnStreamData"/> must be returned once, then or later; holding them back is how
    /// a user applies back-pressure.
    /// </summary>
    void Consume(long stream, int bytes);

    /// <summary>
    /// Closes with CONNECTION_CLOSE. Orderly when nothing is unacknowledged; bytes not yet acknowledged are lost.
    /// <see cref="IQuicConnectionHandler.OnClosed"/> follows, never from inside this call. The reason is cut to 256
    /// bytes.
    /// </summary>
    void Close(ulong errorCode, string reason);

    /// <summary>Figures of this connection.</summary>
    QuicConnectionStatistics GetStatistics();
}

/// <summary>
/// What a user is told of one connection. Never re-entered, never called after <see cref="OnClosed"/>; must not throw.
/// </summary>
public interface IQuicConnectionHandler
{
    /// <summary>
    /// The handshake is complete and the peer's certificate was accepted. First call, unless the attempt fails.
    /// </summary>
    void OnConnected(IQuicConnection connection);

    /// <summary>The peer opened a stream; its data follows.</summary>
    void OnStreamOpened(IQuicConnection connection, long stream, bool unidirectional);

    /// <summary>
    /// Bytes of a stream, in order. Valid during the call only. <paramref name="end"/>: the peer finished writing (data
    /// may be empty).
    /// </summary>
    void OnStreamData(IQuicConnection connection, long stream, ReadOnlySpan<byte> data, bool end);

    /// <summary>
    /// The peer abandoned its sending side (RESET_STREAM) or asked us to stop writing (STOP_SENDING). ngtcp2 does not
    /// tell the code of a STOP_SENDING for a bidirectional stream that is still open; it is 0 then.
    /// </summary>
    void OnStreamAborted(IQuicConnection connection, long stream, bool sendingSide, ulong errorCode);

    /// <summary>
    /// The peer acknowledged bytes: <see cref="IQuicConnection.UnacknowledgedBytes"/> fell. Also after stream credit
    /// grew. At most once a turn.
    /// </summary>
    void OnSendProgress(IQuicConnection connection);

    /// <summary>Last call: the connection is over or never came to be.</summary>
    void OnClosed(IQuicConnection connection, QuicCloseInfo info);
}

/// <summary>Why a connection ended.</summary>
public enum QuicCloseKind
{
    /// <summary>We called Close.</summary>
    Local,

    /// <summary>The peer closed with an application error code (0 is an orderly close).</summary>
    PeerApplication,

    /// <summary>
    /// The peer closed with a transport error code (RFC 9000 section 20.1), TLS alerts included (0x100 + alert).
    /// </summary>
    PeerTransport,

    /// <summary>We closed because the peer broke the transport protocol or failed certificate checks.</summary>
    LocalTransport,

    /// <summary>Nothing arrived for the idle time-out, or the handshake did not end in time.</summary>
    TimedOut,

    /// <summary>A stateless reset: the peer lost its state, as after a crash.</summary>
    Reset,

    /// <summary>The address refused us or has no route.</summary>
    Unreachable,
}

/// <param name="Kind">Who ended it and how.</param>
/// <param name="ErrorCode">The application or transport error code; 0 where there is none.</param>
/// <param name="Reason">Text for a person; the peer's own words are cut to 256 characters and stripped of control
/// characters.</param>
public readonly record struct QuicCloseInfo(QuicCloseKind Kind, ulong ErrorCode, string Reason);

/// <param name="SmoothedRttNs">Smoothed round-trip time, nanoseconds; 0 where the engine does not tell.</param>
/// <param name="MinRttNs">Least round-trip time seen, nanoseconds; 0 where the engine does not tell.</param>
/// <param name="CongestionWindowBytes">Congestion window; 0 where the engine does not tell.</param>
/// <param name="PathMtuBytes">UDP payload size in use; 0 where the engine does not tell.</param>
/// <param name="BytesSent">Bytes of UDP payload sent.</param>
/// <param name="BytesReceived">Bytes of UDP payload received.</param>
/// <param name="PacketsLost">Packets declared lost.</param>
public readonly record struct QuicConnectionStatistics(
    long SmoothedRttNs,
    long MinRttNs,
    long CongestionWindowBytes,
    int PathMtuBytes,
    long BytesSent,
    long BytesReceived,
    long PacketsLost);

/// <param name="Connections">Connections alive, handshakes included.</param>
/// <param name="ConnectionsAccepted">Handshakes completed as server.</param>
/// <param name="ConnectionsDialed">Handshakes completed as client.</param>
/// <param name="HandshakesFailed">Attempts that ended before the handshake was complete.</param>
/// <param name="RetriesSent">Address validations asked of clients.</param>
/// <param name="DatagramsDropped">Datagrams that belong to no connection and start none, or are malformed.</param>
/// <param name="BytesSent">Bytes of UDP payload sent.</param>
/// <param name="BytesReceived">Bytes of UDP payload received.</param>
/// <param name="SegmentationOffload">Whether several packets leave in one system call (UDP GSO).</param>
/// <param name="ReceiveOffload">Whether several packets arrive in one (UDP GRO).</param>
public readonly record struct QuicEndpointStatistics(
    int Connections,
    long ConnectionsAccepted,
    long ConnectionsDialed,
    long HandshakesFailed,
    long RetriesSent,
    long DatagramsDropped,
    long BytesSent,
    long BytesReceived,
    bool SegmentationOffload,
    bool ReceiveOffload);
