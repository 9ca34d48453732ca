using System.Net;
using System.Security.Cryptography.X509Certificates;
using NexusD.Buffers;
using NexusD.Quic;

namespace NexusD.Microbenchmarks;

/// <summary>A connection that acknowledges at once, so that the figures are those of the link.</summary>
internal sealed class SinkConnection : IQuicConnection
{
    private long _streams;

    public IPEndPoint RemoteEndPoint { get; } = new(IPAddress.Loopback, 1);

    public string Alpn => "nexusd/1";

    public X509Certificate2? PeerCertificate => null;

    public long UnacknowledgedBytes => 0;

    public long OpenStream(bool unidirectional) => (_streams++ << 2) | 3;

    /// <summary>Bytes that were written to lanes.</summary>
    public long LaneBytes { get; private set; }

    public void Write(long stream, Slab slab, int offset, int length)
    {
        LaneBytes += (stream & 2) != 0 ? length : 0;
        slab.Release();
    }

    public void FinishWriting(long stream)
    {
    }

    public void ResetWriting(long stream, ulong errorCode)
    {
    }

    public void StopReading(long stream, ulong errorCode)
    {
    }

    public void Consume(long stream, int bytes)
    {
    }

    public void Close(ulong errorCode, string reason) => throw new InvalidOperationException(reason);

    public QuicConnectionStatistics GetStatistics() => default;
}
