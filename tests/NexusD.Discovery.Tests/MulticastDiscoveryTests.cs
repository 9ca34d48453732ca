using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using NexusD.Discovery.Multicast;
using NexusD.Protocol;

namespace NexusD.Discovery.Tests;

/// <summary>Multicast discovery with the kernel's own sockets, on loopback and a port that is free.</summary>
public sealed class MulticastDiscoveryTests : IDisposable
{
    private static readonly IPAddress _group = IPAddress.Parse("239.255.42.1");
    private readonly int _port = FreePort();
    private readonly List<Node> _nodes = [];

    public void Dispose() => _nodes.ForEach(n => n.Discovery.Dispose());

    [Fact]
    public async Task Three_nodes_on_one_port_find_each_other_and_a_leave_is_seen_at_once()
    {
        Node a = Start("a", 1001), b = Start("b", 1002), c = Start("c", 1003);
        await Until(
            () => a.Sees(1002, 1003) && b.Sees(1001, 1003) && c.Sees(1001, 1002), "all three see the two others");
        Assert.All(a.Peers.Keys, p => Assert.Equal("127.0.0.1", p.Host));

        b.Discovery.Leave();
        await Until(() => a.Sees(1003) && c.Sees(1001), "the two that stay see each other alone");
    }

    [Fact]
    public async Task Another_cluster_is_ignored_and_counted()
    {
        Node a = Start("a", 1001), b = Start("b", 1002), stranger = Start("x", 1009, "other");
        await Until(() => a.Sees(1002) && b.Sees(1001), "a and b see each other");
        await Until(() => stranger.Discovery.Statistics.OtherCluster > 0, "the stranger hears the cluster");
        await Until(() => a.Discovery.Statistics.OtherCluster > 0, "the cluster hears the stranger");
        Assert.True(stranger.Sees());
        Assert.True(a.Sees(1002));
    }

    [Fact]
    public async Task Malformed_datagrams_are_counted_and_do_no_harm()
    {
        Node a = Start("a", 1001);
        await Until(() => a.Discovery.Statistics.Own > 0, "a hears itself");
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        int loopback = IPAddress.HostToNetworkOrder(1);
        socket.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.MulticastInterface, loopback);
        byte[][] garbage = [[], [0], "NXB1"u8.ToArray(), new byte[512], new byte[4_000]];
        Array.ForEach(garbage, g => socket.SendTo(g, new IPEndPoint(_group, _port)));
        await Until(() => a.Discovery.Statistics.Malformed >= 4, "the garbage is counted");

        Node b = Start("b", 1002);
        await Until(() => a.Sees(1002) && b.Sees(1001), "a and b see each other");
    }

    [Fact]
    public async Task The_first_round_ends_soon_also_without_other_nodes()
    {
        Node a = Start("a", 1001);
        await Until(() => a.Discovery.FirstRoundIsDone, "the first round is done");
    }

    [Fact]
    public async Task An_interface_that_is_not_there_is_told_and_stops_nothing()
    {
        Node a = Start("a", 1001, interfaces: "nosuch0");
        await Until(
            () => a.Log.Any(l => l.Contains("nosuch0", StringComparison.Ordinal)), "the log names the interface");
        await Until(() => a.Discovery.FirstRoundIsDone, "the first round is done");
        Assert.Equal(0, a.Discovery.Statistics.Sent);
    }

    [Fact]
    public void Leaving_does_not_wait_for_the_next_beacon()
    {
        Node a = Start("a", 1001);
        var watch = Stopwatch.StartNew();
        a.Discovery.Leave();
        Assert.True(watch.ElapsedMilliseconds < 900, $"leaving took {watch.ElapsedMilliseconds} ms");
    }

    [Fact]
    public void Loopback_is_used_only_when_nothing_else_is_running_or_when_named()
    {
        var lo = new HostInterface("lo", 1, IPAddress.Loopback, IsLoopback: true, IsRunning: true, CanMulticast: false);
        var eth = new HostInterface("eth0", 2, IPAddress.Parse("10.0.0.2"), false, IsRunning: true, CanMulticast: true);
        var second = eth with { Address = IPAddress.Parse("10.0.1.2") };
        var tunnel = eth with { Name = "tun0", Index = 3, CanMulticast = false };
        var unplugged = eth with { Name = "eth1", Index = 4, IsRunning = false };

        Assert.Equal([eth], HostInterfaces.Choose([lo, eth, second, tunnel], []));
        Assert.Equal([lo], HostInterfaces.Choose([lo, tunnel], []));
        Assert.Equal([unplugged, lo], HostInterfaces.Choose([lo, unplugged], []));
        Assert.Equal([lo], HostInterfaces.Choose([lo, eth], ["lo"]));
        Assert.Equal([second], HostInterfaces.Choose([lo, eth, second], ["10.0.1.2"]));
        Assert.Empty(HostInterfaces.Choose([lo, eth], ["wlan0"]));
    }

    [Fact]
    public void Loopback_is_listed() =>
        Assert.Contains(
            HostInterfaces.List(), i => i.Name == "lo" && i.IsLoopback && i.Address.Equals(IPAddress.Loopback));

    [Fact]
    public void Static_discovery_names_each_peer_once_as_it_was_written()
    {
        using var discovery = new StaticDiscovery([("edge-1", 5671), ("10.0.0.7", 99), ("edge-1", 5671)]);
        var seen = new Node(null!, []);
        Assert.False(discovery.FirstRoundIsDone);
        discovery.Start(seen);
        Assert.True(discovery.FirstRoundIsDone);
        Assert.Equal(
            [new DiscoveredPeer("10.0.0.7", 99, "static"), new DiscoveredPeer("edge-1", 5671, "static")],
            seen.Peers.Keys.OrderBy(p => p.Host));
    }

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Any, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    private static async Task Until(Func<bool> holds, string what)
    {
        var watch = Stopwatch.StartNew();
        while (!holds())
        {
            Assert.True(watch.Elapsed < TimeSpan.FromSeconds(30), $"not within 30 s: {what}");
            await Task.Delay(5);
        }
    }

    private Node Start(string name, int meshPort, string cluster = "test", string interfaces = "lo")
    {
        var id = new byte[NodeId.Size];
        Random.Shared.NextBytes(id);
        var self = new BeaconIdentity(new NodeId(id), meshPort, 100, cluster, name);
        var log = new ConcurrentQueue<string>();
        var options = new MulticastOptions(_group, _port, [interfaces]);
        var discovery = new MulticastDiscovery(
            self, options, new Log(log), new Random(meshPort), TimeProvider.System);
        var node = new Node(discovery, log);
        _nodes.Add(node);
        discovery.Start(node);
        return node;
    }

    private sealed record Node(MulticastDiscovery Discovery, ConcurrentQueue<string> Log) : IPeerDiscoveryListener
    {
        public ConcurrentDictionary<DiscoveredPeer, bool> Peers { get; } = new();

        public bool Sees(params int[] meshPorts) => Peers.Keys.Select(p => p.Port).Order().SequenceEqual(meshPorts);

        public void Found(DiscoveredPeer peer) => Peers[peer] = true;

        public void Lost(DiscoveredPeer peer) => Peers.TryRemove(peer, out _);
    }

    private sealed class Log(ConcurrentQueue<string> lines) : IDiscoveryLog
    {
        public void InterfaceJoined(string name, string address) => lines.Enqueue($"joined {name} {address}");

        public void InterfaceLeft(string name) => lines.Enqueue($"left {name}");

        public void Trouble(string what) => lines.Enqueue(what);
    }
}
