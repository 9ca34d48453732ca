using NexusD.Quic.Tests.Support;
using Xunit;

namespace NexusD.Quic.Tests.Contract;

/// <summary>What every engine must do: who gets in, and how it is told when not.</summary>
public class HandshakeTests
{
    [Theory, Ngtcp2, MsQuic]
    public void Connects_with_certificates_on_both_sides(QuicEngineKind kind)
    {
        using var server = new QuicHost(kind);
        using var client = new QuicHost(kind, accepts: false);
        var handler = new Recorder();
        IQuicConnection connection = client.Connect(server.Address, handler, TestCertificates.ServerName);
        handler.Wait(r => r.IsConnected, "the client to be connected");
        Recorder accepted = server.WaitAccepted();

        Assert.Equal("test/1", client.Do(() => connection.Alpn));
        Assert.Equal(server.Address, client.Do(() => connection.RemoteEndPoint));
        Assert.Equal(
            TestCertificates.Node.Certificate.Thumbprint, client.Do(() => connection.PeerCertificate)?.Thumbprint);
        Assert.Equal(
            TestCertificates.Node.Certificate.Thumbprint,
            server.Do(() => accepted.Connection!.PeerCertificate)?.Thumbprint);
        Assert.Equal(1, server.Statistics.ConnectionsAccepted);
        Assert.Equal(1, client.Statistics.ConnectionsDialed);
    }
}
