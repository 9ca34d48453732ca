using System.Net.Quic;
using System.Net.Sockets;
using System.Security.Authentication;

namespace NexusD.Quic.MsQuic;

/// <summary>What System.Net.Quic throws, in the words of the seam. Each kind tells whom it blames.</summary>
internal static class CloseMapping
{
    private const ulong InternalError = 0x1;
    private const ulong ConnectionRefused = 0x2;
    private const ulong CryptoError = 0x100;
    private const ulong BadCertificate = CryptoError + 42;

    /// <param name="e">What ended the connection or the attempt.</param>
    /// <param name="complaint">What our own check had against the peer's certificate, if anything.</param>
    public static QuicCloseInfo Map(Exception e, string? complaint)
    {
        if (complaint is not null)
        {
            return new QuicCloseInfo(QuicCloseKind.LocalTransport, BadCertificate, complaint);
        }

        return e switch
        {
            QuicException quic => Map(quic),
            AuthenticationException => new QuicCloseInfo(QuicCloseKind.PeerTransport, AlertOf(e), e.Message),
            SocketException => new QuicCloseInfo(QuicCloseKind.Unreachable, 0, e.Message),
            OperationCanceledException or ObjectDisposedException =>
                new QuicCloseInfo(QuicCloseKind.Local, 0, "closed"),
            _ => new QuicCloseInfo(QuicCloseKind.LocalTransport, InternalError, $"internal error: {e.Message}"),
        };
    }

    private static QuicCloseInfo Map(QuicException e) => e.QuicError switch
    {
        QuicError.ConnectionAborted =>
            new QuicCloseInfo(QuicCloseKind.PeerApplication, (ulong)(e.ApplicationErrorCode ?? 0), ""),
        QuicError.ConnectionIdle =>
            new QuicCloseInfo(QuicCloseKind.TimedOut, 0, "nothing was heard from the peer in time"),
        QuicError.ConnectionTimeout =>
            new QuicCloseInfo(QuicCloseKind.TimedOut, 0, "the handshake did not end in time"),
        QuicError.ConnectionRefused => new QuicCloseInfo(QuicCloseKind.PeerTransport, ConnectionRefused, e.Message),
        QuicError.TransportError =>
            new QuicCloseInfo(QuicCloseKind.PeerTransport, (ulong)(e.TransportErrorCode ?? 0), e.Message),
        QuicError.VersionNegotiationError =>
            new QuicCloseInfo(QuicCloseKind.LocalTransport, 0x11, "the peer does not speak QUIC version 1"),
        QuicError.OperationAborted => new QuicCloseInfo(QuicCloseKind.Local, 0, "closed"),
        _ => new QuicCloseInfo(
            QuicCloseKind.LocalTransport, (ulong)(e.TransportErrorCode ?? (long)InternalError), e.Message),
    };

    /// <summary>The alert's number is in the inner exception, if anywhere.</summary>
    private static ulong AlertOf(Exception e) =>
        e.InnerException is QuicException { TransportErrorCode: long code } ? (ulong)code : CryptoError;
}
