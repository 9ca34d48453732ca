using System.Net;
using System.Security.Cryptography.X509Certificates;
using NexusD.Buffers;

namespace NexusD.Quic;

/// <summary>How an endpoint behaves. Every limit has a default that suits a link between two daemons.</summary>
public sealed record QuicEndpointOptions
{
    /// <summary>Address and port to bind; port 0 takes any free one. An IPv6 any-address serves IPv4 too.</summary>
    public required IPEndPoint Bind { get; init; }

    /// <summary>Own certificate and whom to trust.</summary>
    public required QuicCredentials Credentials { get; init; }

    /// <summary>Application protocol (RFC 7301); a peer without it is refused.</summary>
    public required string Alpn { get; init; }

    /// <summary>
    /// Asked for each completed incoming handshake: who handles it, or null to refuse. When null, the endpoint only
    /// dials.
    /// </summary>
    public Func<IQuicConnection, IQuicConnectionHandler?>? Accept { get; init; }

    /// <summary>Lends the slabs that the engine needs itself.</summary>
    public required SlabPool Pool { get; init; }

    /// <summary>Give up on a silent peer after this. 100 ms to 10 min.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>
    /// Send something after this much silence so that the idle time-out does not strike; zero turns it off.
    /// </summary>
    public TimeSpan KeepAlive { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Give up on a handshake after this. 100 ms to 1 min.</summary>
    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Receive window of a connection in bytes: 64 KiB to 64 MiB.</summary>
    public int ConnectionWindowBytes { get; init; } = 4 * 1024 * 1024;

    /// <summary>Receive window of a stream in bytes: 16 KiB to 64 MiB.</summary>
    public int StreamWindowBytes { get; init; } = 4 * 1024 * 1024;

    /// <summary>Streams of each kind that a peer may have open at once: 1 to 1,000.</summary>
    public int MaxPeerStreams { get; init; } = 16;

    /// <summary>Connections alive at once, handshakes included; more are refused.</summary>
    public int MaxConnections { get; init; } = 1024;

    /// <summary>
    /// Unfinished incoming handshakes above which clients must prove their address first (Retry, RFC 9000 section
    /// 8.1.2). 0: always.
    /// </summary>
    public int RetryAboveHandshakes { get; init; } = 64;

    /// <summary>
    /// 32 bytes from which stateless reset tokens are derived (RFC 9000 section 10.3), or empty for random ones. Give
    /// the same secret after a restart and peers learn of a crash from the first packet they send, not from a time-out.
    /// </summary>
    public ReadOnlyMemory<byte> ResetSecret { get; init; }

    /// <summary>
    /// Largest UDP payload to probe for (RFC 9000 section 14): 1200 to 65000 bytes. What the path does not carry is
    /// found out by probing 1452, 8952 and this. On loopback, packets of 16,000 bytes take half the CPU per byte of
    /// those of 1452; still larger ones save hardly more.
    /// </summary>
    public int MaxUdpPayloadBytes { get; init; } = 16_000;

    /// <summary>Whether to use UDP GSO and GRO where the kernel offers them.</summary>
    public bool SegmentationOffload { get; init; } = true;
}

/// <summary>Where to connect to.</summary>
public sealed record QuicConnectOptions
{
    /// <summary>The peer's address.</summary>
    public required IPEndPoint Remote { get; init; }

    /// <summary>
    /// Name for SNI and, when <see cref="QuicCredentials.Authenticated"/>, one that the peer's certificate must carry;
    /// null checks the chain only.
    /// </summary>
    public string? ServerName { get; init; }
}

/// <summary>A certificate with its key, and the authorities that a peer's certificate must come from.</summary>
public sealed class QuicCredentials
{
    /// <param name="certificate">Own certificate with private key (RSA or ECDSA).</param>
    /// <param name="authorities">
    /// Trusted roots. Empty: any certificate is taken, links are encrypted but not authenticated.
    /// </param>
    /// <param name="intermediates">Certificates between ours and the root, nearest first; they are sent along.</param>
    public QuicCredentials(
        X509Certificate2 certificate,
        X509Certificate2Collection authorities,
        X509Certificate2Collection? intermediates = null)
    {
        if (!certificate.HasPrivateKey)
        {
            throw new ArgumentException("The certificate has no private key.", nameof(certificate));
        }

        Certificate = certificate;
        Authorities = authorities;
        Intermediates = intermediates ?? [];
    }

    /// <summary>Own certificate with private key.</summary>
    public X509Certificate2 Certificate { get; }

    /// <summary>Trusted roots; empty means unauthenticated.</summary>
    public X509Certificate2Collection Authorities { get; }

    /// <summary>Sent along with <see cref="Certificate"/>.</summary>
    public X509Certificate2Collection Intermediates { get; }

    /// <summary>
    /// Whether peers must show a certificate that leads to one of <see cref="Authorities"/>, in both directions.
    /// </summary>
    public bool Authenticated => Authorities.Count > 0;

    /// <summary>
    /// Reads PEM texts: certificate (chain), key, and trusted roots (null or empty: unauthenticated).
    /// </summary>
    /// <exception cref="System.Security.Cryptography.CryptographicException">
    /// A text is not what it should be.
    /// </exception>
    public static QuicCredentials FromPem(string certificatePem, string keyPem, string? authoritiesPem)
    {
        var authorities = new X509Certificate2Collection();
        if (!string.IsNullOrEmpty(authoritiesPem))
        {
            authorities.ImportFromPem(authoritiesPem);
        }

        var chain = new X509Certificate2Collection();
        chain.ImportFromPem(certificatePem);
        if (chain.Count > 0)
        {
            chain.RemoveAt(0);
        }

        return new QuicCredentials(X509Certificate2.CreateFromPem(certificatePem, keyPem), authorities, chain);
    }
}
