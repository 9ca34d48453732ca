using NexusD.Quic.Tests.Support;
using Xunit;

namespace NexusD.Quic.Tests.Contract;

/// <summary>One engine each: the wire is the same, so a cluster may mix them.</summary>
public class InteropTests
{
    [Theory, MsQuic]
    public void Engines_understand_each_other_with_certificates_and_streams_both_ways(QuicEngineKind kind)
    {
        foreach ((QuicEngineKind server, QuicEngineKind client) in
            ((QuicEngineKind, QuicEngineKind)[])[(kind, QuicEngineKind.Ngtcp2), (QuicEngineKind.Ngtcp2, kind)])
        {
            using var pair = new Pair(server, clientKind: client);
            byte[] up = StreamTests.Bytes(3_000_000, seed: 21);
            byte[] down = StreamTests.Bytes(2_000_000, seed: 22);
            QuicHost host = pair.Server;
            pair.ServerSide.WhenData = (connection, stream, _, end) =>
            {
                if (end && (stream & 2) == 0)
                {
                    host.WriteHere(connection, stream, down, finish: true);
                }
            };
            long both = pair.Open(unidirectional: false);
            long one = pair.Open(unidirectional: true);
            pair.Client.Write(pair.Connection, both, up, finish: true);
            pair.Client.Write(pair.Connection, one, up, finish: true);
            pair.ClientSide.Wait(r => r.Ended.Contains(both), $"the answer, {server} to {client}");
            pair.ServerSide.Wait(r => r.Ended.Contains(one), $"the other stream, {client} to {server}");

            Assert.True(pair.ClientSide.Read(r => r.Streams[both].ToArray()).AsSpan().SequenceEqual(down));
            Assert.True(pair.ServerSide.Read(r => r.Streams[both].ToArray()).AsSpan().SequenceEqual(up));
            Assert.True(pair.ServerSide.Read(r => r.Streams[one].ToArray()).AsSpan().SequenceEqual(up));
            pair.Client.Do(() => pair.Connection.Close(6, "done"));
            Assert.Equal((QuicCloseKind.PeerApplication, 6UL), Cause(pair.ServerSide.WaitClosed()));
        }
    }

    [Theory, MsQuic]
    public void Strangers_are_refused_across_engines(QuicEngineKind kind)
    {
        foreach ((QuicEngineKind server, QuicEngineKind client) in
            ((QuicEngineKind, QuicEngineKind)[])[(kind, QuicEngineKind.Ngtcp2), (QuicEngineKind.Ngtcp2, kind)])
        {
            using var host = new QuicHost(server);
            using var rogue = new QuicHost(
                client, o => o with { Credentials = TestCertificates.Rogue }, accepts: false);
            var handler = new Recorder();
            rogue.Connect(host.Address, handler);
            Assert.Equal(QuicCloseKind.PeerTransport, handler.WaitClosed().Kind);
            Assert.Empty(host.Accepted);
        }
    }

    private static (QuicCloseKind Kind, ulong Code) Cause(QuicCloseInfo info) => (info.Kind, info.ErrorCode);
}
