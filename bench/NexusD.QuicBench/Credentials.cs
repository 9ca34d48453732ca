using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using NexusD.Buffers;
using NexusD.Quic;

namespace NexusD.QuicBench;

/// <summary>Endpoint options of the benchmark; each process makes a certificate of its own.</summary>
internal static class Credentials
{
    public static QuicEndpointOptions Options(
        BenchOptions options, SlabPool pool, Func<IQuicConnection, IQuicConnectionHandler?>? accept) => new()
        {
            Bind = new IPEndPoint(IPAddress.Loopback, accept is null ? 0 : options.Port),
            Credentials = Make(),
            Alpn = "bench/1",
            Accept = accept,
            Pool = pool,
            MaxConnections = 200_000,
            RetryAboveHandshakes = 200_000,
            MaxUdpPayloadBytes = options.Payload,
            SegmentationOffload = options.Offload,
            IdleTimeout = TimeSpan.FromSeconds(10),
            KeepAlive = TimeSpan.FromSeconds(3),
        };

    private static QuicCredentials Make()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=bench", key, HashAlgorithmName.SHA256);
        DateTimeOffset now = DateTimeOffset.UtcNow;
        return new QuicCredentials(request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1)), []);
    }
}
