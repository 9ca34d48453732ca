using System.Net;
using System.Net.Sockets;
using NexusD.Quic.Tests.Support;
using Xunit;

namespace NexusD.Quic.Tests.Contract;

/// <summary>What every engine must do: who gets in, and how it is told when not.</summary>
public class HandshakeTests
{
    private const ulong NoApplicationProtocol = 0x178;
    private const ulong AnyAlert = 0x100;

    [Theory, Ngtcp2, MsQuic]
    public void Connects_with_certificates_on_both_sides(QuicEngineKind kind)
    {
        using var server = new QuicHost(kind);
        using var client = new QuicHost(kind, accepts: false);
        var handler = new Recorder();
        IQuicConnection connection = client.Connect(server.Address, handler, TestCertificates.ServerName);
        handler.Wait(r => r.IsConnected, "the client to be connected");
        Recorder accepted = server.WaitAccepted();

        string node = TestCertificates.Node.Certificate.Thumbprint;
        Assert.Equal("test/1", client.Do(() => connection.Alpn));
        Assert.Equal(server.Address, client.Do(() => connection.RemoteEndPoint));
        Assert.Equal(node, client.Do(() => connection.PeerCertificate)?.Thumbprint);
        Assert.Equal(node, server.Do(() => accepted.Connection!.PeerCertificate)?.Thumbprint);
        Assert.Equal(1, server.Statistics.ConnectionsAccepted);
        Assert.Equal(1, client.Statistics.ConnectionsDialed);
    }

    [Theory, Ngtcp2, MsQuic]
    public void A_chain_with_an_intermediate_and_an_rsa_key_is_accepted(QuicEngineKind kind)
    {
        QuicCredentials chain = TestCertificates.NodeBehindIntermediate();
        using var server = new QuicHost(kind, o => o with { Credentials = chain });
        using var client = new QuicHost(kind, o => o with { Credentials = chain }, accepts: false);
        var handler = new Recorder();
        client.Connect(server.Address, handler);
        handler.Wait(r => r.IsConnected, "the client to be connected");
        server.WaitAccepted();
    }

    [Theory, Ngtcp2, MsQuic]
    public void A_client_with_another_protocol_is_refused(QuicEngineKind kind)
    {
        using var server = new QuicHost(kind);
        using var client = new QuicHost(kind, o => o with { Alpn = "other/1" }, accepts: false);
        var handler = new Recorder();
        client.Connect(server.Address, handler);
        QuicCloseInfo info = handler.WaitClosed();

        Assert.False(handler.IsConnected);
        Assert.Equal(QuicCloseKind.PeerTransport, info.Kind);

        // System.Net.Quic does not tell the number of an alert.
        Assert.Equal(kind == QuicEngineKind.Ngtcp2 ? NoApplicationProtocol : AnyAlert, info.ErrorCode);
        Assert.Empty(server.Accepted);
        Assert.Equal(0, server.Statistics.ConnectionsAccepted);
    }

    [Theory, Ngtcp2, MsQuic]
    public void A_server_that_the_client_does_not_trust_is_refused(QuicEngineKind kind) =>
        ServerIsRefused(kind, TestCertificates.Rogue, serverName: null);

    [Theory, Ngtcp2, MsQuic]
    public void A_server_whose_certificate_has_expired_is_refused(QuicEngineKind kind) =>
        ServerIsRefused(kind, TestCertificates.Expired, serverName: null);

    [Theory, Ngtcp2, MsQuic]
    public void A_server_with_another_name_is_refused(QuicEngineKind kind) =>
        ServerIsRefused(kind, TestCertificates.Node, "else.cluster.test");

    [Theory, Ngtcp2, MsQuic]
    public void An_open_server_is_refused_by_a_client_that_wants_certificates(QuicEngineKind kind) =>
        ServerIsRefused(kind, TestCertificates.Open, serverName: null);

    [Theory, Ngtcp2, MsQuic]
    public void A_client_from_another_authority_is_refused(QuicEngineKind kind) =>
        ClientIsRefused(kind, TestCertificates.Rogue);

    [Theory, Ngtcp2, MsQuic]
    public void A_client_with_a_certificate_for_servers_only_is_refused(QuicEngineKind kind) =>
        ClientIsRefused(kind, TestCertificates.ServerOnly);

    [Theory, Ngtcp2, MsQuic]
    public void A_self_signed_client_is_refused_by_a_server_that_wants_certificates(QuicEngineKind kind) =>
        ClientIsRefused(kind, TestCertificates.Open);

    [Theory, Ngtcp2, MsQuic]
    public void Without_authorities_anybody_gets_in_and_shows_a_certificate_all_the_same(QuicEngineKind kind)
    {
        using var pair = new Pair(kind, o => o with { Credentials = TestCertificates.Open });
        string open = TestCertificates.Open.Certificate.Thumbprint;
        Assert.Equal(open, pair.Client.Do(() => pair.Connection.PeerCertificate)?.Thumbprint);
        Assert.Equal(open, pair.Server.Do(() => pair.ServerSide.Connection!.PeerCertificate)?.Thumbprint);
    }

    [Theory, Ngtcp2, MsQuic]
    public void New_credentials_hold_for_new_connections_only(QuicEngineKind kind)
    {
        using var pair = new Pair(kind);
        pair.Server.Do(() => pair.Server.Endpoint.ReplaceCredentials(TestCertificates.Rogue));
        var late = new Recorder();
        pair.Client.Connect(pair.Server.Address, late);
        Assert.NotEqual(QuicCloseKind.Local, late.WaitClosed().Kind);

        long stream = pair.Open(unidirectional: true);
        pair.Client.Write(pair.Connection, stream, new byte[10], finish: true);
        pair.ServerSide.Wait(r => r.Ended.Contains(stream), "the old connection to carry on");

        pair.Server.Do(() => pair.Server.Endpoint.ReplaceCredentials(TestCertificates.Node));
        var last = new Recorder();
        pair.Client.Connect(pair.Server.Address, last);
        last.Wait(r => r.IsConnected, "a connection with the first credentials again");
    }

    [Theory, Ngtcp2, MsQuic]
    public void A_connection_that_nobody_wants_is_refused(QuicEngineKind kind)
    {
        using var server = new QuicHost(kind) { Accepting = _ => null };
        using var client = new QuicHost(kind, accepts: false);
        var handler = new Recorder();
        client.Connect(server.Address, handler);
        QuicCloseInfo info = handler.WaitClosed();
        Assert.True(info.Kind is QuicCloseKind.PeerTransport or QuicCloseKind.PeerApplication, info.ToString());
    }

    [Theory, Ngtcp2, MsQuic]
    public void More_connections_than_allowed_are_refused(QuicEngineKind kind)
    {
        using var server = new QuicHost(kind, o => o with { MaxConnections = 2 });
        using var client = new QuicHost(kind, accepts: false);
        Recorder[] handlers = [new(), new()];
        foreach (Recorder handler in handlers)
        {
            client.Connect(server.Address, handler);
            handler.Wait(r => r.IsConnected, "a connection within the limit");
        }

        server.WaitAccepted(1);
        var refused = new Recorder();
        client.Connect(server.Address, refused);
        refused.WaitClosed();
        Assert.Equal(2, server.Statistics.Connections);

        client.Do(() => handlers[0].Connection!.Close(0, "make room"));
        Assert.True(SpinWait.SpinUntil(() => server.Statistics.Connections == 1, TimeSpan.FromSeconds(20)));
        var next = new Recorder();
        client.Connect(server.Address, next);
        next.Wait(r => r.IsConnected, "room for one more");
    }

    [Theory, Ngtcp2, MsQuic]
    public void A_silent_address_ends_the_attempt_in_time(QuicEngineKind kind)
    {
        using var silent = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        silent.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        using var client = new QuicHost(
            kind, o => o with { HandshakeTimeout = TimeSpan.FromMilliseconds(400) }, accepts: false);
        var handler = new Recorder();
        client.Connect((IPEndPoint)silent.LocalEndPoint!, handler);
        Assert.Equal(QuicCloseKind.TimedOut, handler.WaitClosed().Kind);
        Assert.False(handler.IsConnected);
        Assert.Equal(1, client.Statistics.HandshakesFailed);
        Assert.Equal(0, client.Statistics.Connections);
    }

    [Theory, Ngtcp2, MsQuic]
    public void A_closed_port_ends_the_attempt_at_once(QuicEngineKind kind)
    {
        IPEndPoint closed;
        using (var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp))
        {
            socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            closed = (IPEndPoint)socket.LocalEndPoint!;
        }

        using var client = new QuicHost(
            kind, o => o with { HandshakeTimeout = TimeSpan.FromMinutes(1) }, accepts: false);
        var handler = new Recorder();
        client.Connect(closed, handler);
        Assert.Equal(QuicCloseKind.Unreachable, handler.WaitClosed().Kind);
    }

    [Theory, Ngtcp2(NeedsIpv6 = true), MsQuic(NeedsIpv6 = true)]
    public void Serves_ipv6_and_ipv4_from_one_address(QuicEngineKind kind)
    {
        using var server = new QuicHost(kind, o => o with { Bind = new IPEndPoint(IPAddress.IPv6Any, 0) });
        using var client = new QuicHost(
            kind, o => o with { Bind = new IPEndPoint(IPAddress.IPv6Any, 0) }, accepts: false);
        foreach (IPAddress address in (IPAddress[])[IPAddress.IPv6Loopback, IPAddress.Loopback])
        {
            var remote = new IPEndPoint(address, server.Address.Port);
            var handler = new Recorder();
            IQuicConnection connection = client.Connect(remote, handler);
            handler.Wait(r => r.IsConnected, $"a connection to {remote}");
            Assert.Equal(remote, client.Do(() => connection.RemoteEndPoint));
        }
    }

    private static void ServerIsRefused(QuicEngineKind kind, QuicCredentials credentials, string? serverName)
    {
        using var server = new QuicHost(kind, o => o with { Credentials = credentials });
        using var client = new QuicHost(kind, accepts: false);
        var handler = new Recorder();
        client.Connect(server.Address, handler, serverName);
        QuicCloseInfo info = handler.WaitClosed();

        Assert.False(handler.IsConnected);
        Assert.Equal(QuicCloseKind.LocalTransport, info.Kind);
        Assert.Contains("certificate", info.Reason, StringComparison.Ordinal);
        Assert.Equal(1, client.Statistics.HandshakesFailed);
        Assert.Empty(server.Accepted);
    }

    private static void ClientIsRefused(QuicEngineKind kind, QuicCredentials credentials)
    {
        using var server = new QuicHost(kind);
        using var client = new QuicHost(kind, o => o with { Credentials = credentials }, accepts: false);
        var handler = new Recorder();
        client.Connect(server.Address, handler);

        // With TLS 1.3 the client is done before the server has judged it, so it may see a connection for a moment.
        QuicCloseInfo info = handler.WaitClosed();
        Assert.Equal(QuicCloseKind.PeerTransport, info.Kind);
        Assert.InRange(info.ErrorCode, 0x100UL, 0x1ffUL);
        Assert.Empty(server.Accepted);
        Assert.Equal(0, server.Statistics.ConnectionsAccepted);
    }
}
