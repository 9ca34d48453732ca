using System.Net;
using NexusD.Discovery.Multicast;
using NexusD.Protocol;
using NexusD.Protocol.Beacon;

namespace NexusD.Discovery.Tests;

/// <summary>The rules of the beacon in virtual time: no socket, no clock.</summary>
public sealed class BeaconAgentTests
{
    private readonly RecordingSender _sent = new();
    private readonly RecordingListener _heard = new();
    private readonly BeaconAgent _agent;
    private long _nowMs = 1_000_000;

    public BeaconAgentTests() =>
        _agent = new BeaconAgent(Identity(1), new Random(7), _sent, _heard);

    [Fact]
    public void It_probes_and_announces_at_once_then_ever_less_often()
    {
        _agent.Begin(_nowMs);
        Assert.Equal([BeaconKind.Probe, BeaconKind.Announce], _sent.ToGroup);

        long[] gaps = [.. Enumerable.Range(0, 8).Select(_ => RunToNextAnnounce())];
        long[] expected = [100, 200, 400, 800, 2000, 2000, 2000, 2000];
        Assert.All(expected.Zip(gaps), p => Assert.InRange(p.Second, p.First * 0.8 - 1, p.First * 1.2 + 1));
        Assert.True(gaps[4..].Distinct().Count() > 1, "the intervals are not spread");
    }

    [Fact]
    public void An_unknown_node_is_found_once_and_answered_once_within_50_ms()
    {
        _agent.Begin(_nowMs);
        Receive(Announce(2), "10.0.0.2");
        Receive(Announce(2), "10.0.0.2");

        Assert.Equal(["found 10.0.0.2:5671"], _heard.Calls);
        Pass(50);
        Assert.Equal([Source("10.0.0.2")], _sent.ToOne);
        Assert.Equal(1, _agent.Statistics.Known);
        Assert.Equal(2, _agent.Statistics.Received);
    }

    [Fact]
    public void A_probe_is_answered_to_its_sender_also_when_it_is_no_node()
    {
        Receive(Datagram(9, BeaconKind.Probe, port: 0), "10.0.0.9");
        Pass(50);
        Assert.Equal([Source("10.0.0.9")], _sent.ToOne);
        Assert.Empty(_heard.Calls);
    }

    [Fact]
    public void A_leave_loses_the_node_at_once()
    {
        Receive(Announce(2), "10.0.0.2");
        Receive(Datagram(2, BeaconKind.Leave), "10.0.0.2");
        Receive(Datagram(3, BeaconKind.Leave), "10.0.0.3");
        Assert.Equal(["found 10.0.0.2:5671", "lost 10.0.0.2:5671"], _heard.Calls);
    }

    [Fact]
    public void Ten_seconds_of_silence_lose_the_node()
    {
        Receive(Announce(2), "10.0.0.2");
        Pass(9_000);
        Receive(Announce(2), "10.0.0.2");
        Pass(9_999);
        Assert.Equal(["found 10.0.0.2:5671"], _heard.Calls);
        Pass(1);
        Assert.Equal(["found 10.0.0.2:5671", "lost 10.0.0.2:5671"], _heard.Calls);
        Assert.Equal(0, _agent.Statistics.Known);
    }

    [Fact]
    public void With_many_nodes_everybody_speaks_less_and_is_lost_later()
    {
        _agent.Begin(_nowMs);
        Pass(5_000);
        for (int i = 0; i < 299; i++)
        {
            Receive(Announce(i + 2), $"10.0.{i / 250}.{(i % 250) + 1}");
            Pass(10);
        }

        RunToNextAnnounce();
        Assert.InRange(RunToNextAnnounce(), 6_000 * 0.8 - 1, 6_000 * 1.2 + 1);
        int before = _heard.Calls.Count;
        Pass(11_000);
        Assert.Equal(before, _heard.Calls.Count);
        Pass(20_000);
        Assert.Equal(before + 299, _heard.Calls.Count);
    }

    [Fact]
    public void A_restarted_node_takes_the_place_of_the_one_before_and_is_not_lost()
    {
        Receive(Announce(2, generation: 100), "10.0.0.2");
        Receive(Announce(3, generation: 200), "10.0.0.2");
        Receive(Announce(2, generation: 100), "10.0.0.2");
        Receive(Datagram(2, BeaconKind.Leave, generation: 100), "10.0.0.2");
        Assert.Equal(["found 10.0.0.2:5671", "found 10.0.0.2:5671"], _heard.Calls);
        Assert.Equal(1, _agent.Statistics.Stale);
        Assert.Equal(1, _agent.Statistics.Known);
    }

    [Fact]
    public void A_node_with_two_addresses_goes_by_the_first_until_that_falls_silent()
    {
        Receive(Announce(2), "10.0.0.2");
        for (int second = 0; second < 4; second++)
        {
            Pass(2_000);
            Receive(Announce(2), "10.0.0.2");
            Receive(Announce(2), "172.17.0.2");
        }

        Assert.Equal(["found 10.0.0.2:5671"], _heard.Calls);
        for (int second = 0; second < 4; second++)
        {
            Pass(2_000);
            Receive(Announce(2), "172.17.0.2");
        }

        Assert.Equal(["found 10.0.0.2:5671", "lost 10.0.0.2:5671", "found 172.17.0.2:5671"], _heard.Calls);
    }

    [Fact]
    public void What_is_not_for_this_node_is_ignored_and_counted_by_its_reason()
    {
        Receive(Datagram(1, BeaconKind.Announce), "10.0.0.1");
        Receive(Datagram(2, BeaconKind.Announce, cluster: "other"), "10.0.0.2");
        byte[] otherVersion = Announce(2);
        otherVersion[4] = 9;
        Receive(otherVersion, "10.0.0.2");
        Receive("not a beacon"u8.ToArray(), "10.0.0.2");
        Receive([], "10.0.0.2");
        Receive(Announce(2)[..^1], "10.0.0.2");
        Pass(100);

        Assert.Empty(_heard.Calls);
        Assert.Empty(_sent.ToOne);
        BeaconStatistics counted = _agent.Statistics;
        Assert.Equal((1, 1, 1), (counted.Own, counted.OtherCluster, counted.OtherVersion));
        Assert.Equal((3, 0), (counted.Malformed, counted.Received));
    }

    [Fact]
    public void More_than_200_beacons_a_second_are_ignored_after_a_burst_of_400()
    {
        for (int i = 0; i < 1_000; i++)
        {
            Receive(Announce(2), "10.0.0.2");
        }

        Assert.Equal((400, 600), (_agent.Statistics.Received, _agent.Statistics.OverRate));
        Pass(1_000);
        for (int i = 0; i < 1_000; i++)
        {
            Receive(Announce(2), "10.0.0.2");
        }

        Assert.Equal((600, 1_400), (_agent.Statistics.Received, _agent.Statistics.OverRate));
    }

    [Fact]
    public void No_more_than_4096_nodes_are_remembered()
    {
        for (int i = 0; i < 4_200; i++)
        {
            Receive(Announce(i + 2), $"10.{i >> 16}.{(i >> 8) & 255}.{i & 255}");
            _nowMs += 5; // without Advance: nothing falls due, the token bucket refills
        }

        Assert.Equal(4_096, _agent.Statistics.Known);
        Assert.Equal(104, _agent.Statistics.OverLimit);
    }

    private static BeaconIdentity Identity(int number, string cluster = "test", uint generation = 100) =>
        new(IdOf(number), 5671, generation, cluster, $"n{number}");

    private static NodeId IdOf(int number)
    {
        var bytes = new byte[NodeId.Size];
        BitConverter.TryWriteBytes(bytes, number);
        return new NodeId(bytes);
    }

    private static byte[] Announce(int number, uint generation = 100) =>
        Datagram(number, BeaconKind.Announce, generation: generation);

    private static byte[] Datagram(
        int number, BeaconKind kind, string cluster = "test", uint generation = 100, ushort port = 5671)
    {
        var beacon = new BeaconDatagram
        {
            Kind = kind,
            Port = port,
            NodeId = IdOf(number),
            Generation = generation,
            Cluster = System.Text.Encoding.UTF8.GetBytes(cluster),
            NodeName = "n"u8,
        };
        var bytes = new byte[beacon.DatagramBytes];
        beacon.Write(bytes);
        return bytes;
    }

    private static IPEndPoint Source(string address) => new(IPAddress.Parse(address), 40_000);

    private void Receive(byte[] datagram, string from) => _agent.Receive(datagram, Source(from), _nowMs);

    /// <summary>Lets time pass, stopping wherever something is due.</summary>
    private void Pass(long milliseconds)
    {
        for (long end = _nowMs + milliseconds; _nowMs < end;)
        {
            _nowMs = Math.Clamp(_agent.NextDueMs, _nowMs + 1, end);
            _agent.Advance(_nowMs);
        }
    }

    private long RunToNextAnnounce()
    {
        long start = _nowMs;
        int before = _sent.ToGroup.Count;
        while (_sent.ToGroup.Count == before)
        {
            Assert.True(_nowMs - start < 60_000, "no announce within a minute");
            Pass(1);
        }

        return _nowMs - start;
    }

    private sealed class RecordingSender : IBeaconSender
    {
        public List<BeaconKind> ToGroup { get; } = [];

        public List<IPEndPoint> ToOne { get; } = [];

        public void SendToGroup(ReadOnlySpan<byte> datagram)
        {
            Assert.Equal(ErrorCode.None, BeaconDatagram.TryRead(datagram, out BeaconDatagram beacon));
            Assert.Equal("test"u8, beacon.Cluster);
            ToGroup.Add(beacon.Kind);
        }

        public void SendTo(ReadOnlySpan<byte> datagram, IPEndPoint receiver)
        {
            Assert.Equal(ErrorCode.None, BeaconDatagram.TryRead(datagram, out BeaconDatagram beacon));
            Assert.Equal(BeaconKind.Announce, beacon.Kind);
            ToOne.Add(receiver);
        }
    }

    private sealed class RecordingListener : IPeerDiscoveryListener
    {
        public List<string> Calls { get; } = [];

        public void Found(DiscoveredPeer peer) => Calls.Add($"found {peer.Host}:{peer.Port}");

        public void Lost(DiscoveredPeer peer) => Calls.Add($"lost {peer.Host}:{peer.Port}");
    }
}
