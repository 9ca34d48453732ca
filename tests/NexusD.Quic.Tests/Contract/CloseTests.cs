using System.Text;
using NexusD.Quic.Tests.Support;
using Xunit;

namespace NexusD.Quic.Tests.Contract;

/// <summary>What every engine must do: each end has one cause, and both sides are told of it.</summary>
public class CloseTests
{
    [Theory, Ngtcp2, MsQuic]
    public void A_close_carries_code_and_kind_to_the_other_side(QuicEngineKind kind)
    {
        using var pair = new Pair(kind);
        pair.Client.Do(() => pair.Connection.Close(4711, "going home"));
        QuicCloseInfo near = pair.ClientSide.WaitClosed();
        QuicCloseInfo far = pair.ServerSide.WaitClosed();

        Assert.Equal((QuicCloseKind.Local, 4711UL), (near.Kind, near.ErrorCode));
        Assert.Equal((QuicCloseKind.PeerApplication, 4711UL), (far.Kind, far.ErrorCode));
        Assert.Equal(0, pair.Client.Statistics.Connections);
        Assert.Equal(0, pair.Server.Statistics.Connections);
    }

    [Theory, Ngtcp2]
    public void A_reason_is_cut_and_cleaned_for_the_log(QuicEngineKind kind)
    {
        using var pair = new Pair(kind);
        string reason = "line\nbreak " + new string('ä', 300);
        pair.Client.Do(() => pair.Connection.Close(1, reason));
        string heard = pair.ServerSide.WaitClosed().Reason;

        Assert.StartsWith("line break ä", heard, StringComparison.Ordinal);
        Assert.InRange(Encoding.UTF8.GetByteCount(heard), 200, 256);
        Assert.DoesNotContain('\uFFFD', heard);
    }

    [Theory, Ngtcp2, MsQuic]
    public void The_server_may_close_from_inside_a_handler(QuicEngineKind kind)
    {
        using var pair = new Pair(kind);
        pair.ServerSide.WhenData = (connection, _, _, _) => connection.Close(9, "enough");
        long stream = pair.Open(unidirectional: true);
        pair.Client.Write(pair.Connection, stream, new byte[500_000]);

        Assert.Equal((QuicCloseKind.PeerApplication, 9UL), Cause(pair.ClientSide.WaitClosed()));
        Assert.Equal((QuicCloseKind.Local, 9UL), Cause(pair.ServerSide.WaitClosed()));
    }

    [Theory, Ngtcp2, MsQuic]
    public void Disposing_an_endpoint_ends_its_connections_and_tells_the_peers(QuicEngineKind kind)
    {
        using var server = new QuicHost(kind);
        using var client = new QuicHost(kind, accepts: false);
        var handler = new Recorder();
        client.Connect(server.Address, handler);
        handler.Wait(r => r.IsConnected, "the client to be connected");
        Recorder accepted = server.WaitAccepted();
        server.Do(server.Endpoint.Dispose);

        Assert.Equal(QuicCloseKind.Local, accepted.WaitClosed().Kind);
        Assert.Equal(QuicCloseKind.PeerApplication, handler.WaitClosed().Kind);
    }

    [Theory, Ngtcp2, MsQuic]
    public void Closing_in_the_middle_of_a_transfer_gives_every_slab_back(QuicEngineKind kind)
    {
        using var pair = new Pair(kind);
        for (int i = 0; i < 4; i++)
        {
            pair.Client.Write(pair.Connection, pair.Open(unidirectional: true), new byte[4 * 1024 * 1024]);
        }

        pair.ServerSide.Wait(r => r.BytesReceived > 100_000, "the transfer to run");
        pair.Client.Do(() =>
        {
            pair.Connection.Close(0, "changed my mind");
            pair.Client.WriteHere(pair.Connection, 2, new byte[100_000]);
        });
        pair.ClientSide.WaitClosed();
        pair.ServerSide.WaitClosed();
        Assert.Equal(0, pair.Client.Pool.RentedBytes);
    }

    [Theory, Ngtcp2, MsQuic]
    public void A_silent_peer_is_given_up_after_the_idle_time_out(QuicEngineKind kind)
    {
        QuicEndpointOptions Short(QuicEndpointOptions o) => o with
        {
            IdleTimeout = TimeSpan.FromMilliseconds(600),
            KeepAlive = TimeSpan.FromMilliseconds(100),
        };
        using var server = new QuicHost(kind, Short);
        using var relay = new UdpRelay(server.Address);
        using var client = new QuicHost(kind, Short, accepts: false);
        var handler = new Recorder();
        client.Connect(relay.Address, handler);
        handler.Wait(r => r.IsConnected, "the client to be connected");
        Recorder accepted = server.WaitAccepted();
        relay.ToServerBlocked = relay.ToClientBlocked = true;

        Assert.Equal(QuicCloseKind.TimedOut, handler.WaitClosed().Kind);
        Assert.Equal(QuicCloseKind.TimedOut, accepted.WaitClosed().Kind);
    }

    [Theory, Ngtcp2, MsQuic]
    public void Keep_alive_holds_an_idle_connection(QuicEngineKind kind)
    {
        const int Enough = 12;
        using var server = new QuicHost(kind, o => o with { IdleTimeout = TimeSpan.FromSeconds(1) });
        using var relay = new UdpRelay(server.Address);
        using var client = new QuicHost(
            kind, o => o with { KeepAlive = TimeSpan.FromMilliseconds(250), IdleTimeout = TimeSpan.FromSeconds(1) },
            accepts: false);
        var handler = new Recorder();
        client.Connect(relay.Address, handler);
        handler.Wait(r => r.IsConnected, "the client to be connected");
        long before = relay.DatagramsToServer;

        // Twelve keep-alives of a quarter second outlast the idle time-out of one second several times over.
        Assert.True(SpinWait.SpinUntil(
            () => relay.DatagramsToServer >= before + Enough || handler.Read(r => r.Closed) is not null,
            TimeSpan.FromSeconds(30)));
        Assert.Null(handler.Read(r => r.Closed));
        Assert.Equal(1, server.Statistics.Connections);
    }

    private static (QuicCloseKind Kind, ulong Code) Cause(QuicCloseInfo info) => (info.Kind, info.ErrorCode);
}
