using System.Net;
using System.Net.Sockets;

namespace NexusD.Peering.Tests.Dialing;

/// <summary>
/// Addresses: found, resolved, dialed in parallel, tried again, never forgotten while they are named.
/// </summary>
public sealed class DialingTests
{
    [Fact]
    public void A_node_that_starts_late_is_met_though_it_knows_nobody()
    {
        for (int seed = 1; seed <= 10; seed++)
        {
            var world = new VirtualWorld(seed);
            using var a = new TestNode(world, 1, o => Seeded(o, seed));
            a.Mesh.PeerFound(new PeerAddress("10.0.0.2", 5671, "static"));
            world.RunFor(2_000);
            Assert.NotEqual("", a.Snapshot.Addresses[0].State);
            using var b = new TestNode(world, 2);
            world.RunUntil(() => a.Up.Count == 1, "linked", 8_000);
        }
    }

    [Fact]
    public void A_killed_node_is_back_within_a_second_also_when_only_the_other_side_dials()
    {
        for (int seed = 1; seed <= 20; seed++)
        {
            var world = new VirtualWorld(seed);
            using var a = new TestNode(world, 1, o => Seeded(o, seed));
            var b = new TestNode(world, 2);
            a.Knows(b);
            world.RunUntil(() => a.Up.Count == 1, "linked");
            world.RunFor(2_000);
            b.Kill();
            world.RunFor(4_000 + (seed * 700)); // long enough for the loss to be noticed
            Assert.Empty(a.Up);
            using var again = new TestNode(world, 2);
            world.RunUntil(() => a.Up.Count == 1 && again.Up.Count == 1, "linked again", 1_000);
        }
    }

    [Fact]
    public void Of_many_tries_that_are_answered_at_once_one_becomes_the_link()
    {
        for (int seed = 1; seed <= 20; seed++)
        {
            var world = new VirtualWorld(seed);
            world.Network.DelayNs = 60_000_000;
            using var a = new TestNode(world, 1, o => Seeded(o, seed));
            a.Mesh.PeerFound(new PeerAddress("10.0.0.2", 5671, "static"));
            world.RunFor(600);
            Assert.True(a.Snapshot.Links.Count > 1);
            using var b = new TestNode(world, 2);
            world.RunUntil(() => a.Up.Count == 1 && b.Up.Count == 1, "linked", 5_000);
            world.RunFor(5_000);
            Assert.Single(a.Snapshot.Links);
            Assert.Equal(1, a.Snapshot.Counters.LinksUp);
            Assert.Equal(1, b.Snapshot.Counters.LinksUp);
            Assert.DoesNotContain(a.Log.Lines, l => l.StartsWith("refused", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void A_beacon_makes_a_long_wait_short()
    {
        var world = new VirtualWorld(3);
        using var a = new TestNode(world, 1);
        PeerAddress address = new("10.0.0.2", 5671, "multicast");
        a.Mesh.PeerFound(address);
        world.RunUntil(() => a.Snapshot.Addresses[0].NextTrySeconds > 15, "the back-off is long", 600_000);
        using var b = new TestNode(world, 2);
        a.Mesh.PeerFound(address);
        world.RunUntil(() => a.Up.Count == 1, "linked", 300);
    }

    [Fact]
    public void Unanswered_tries_are_bounded_and_given_up_when_the_address_is_no_longer_named()
    {
        var world = new VirtualWorld();
        using var a = new TestNode(world, 1);
        PeerAddress address = new("10.0.0.2", 5671, "multicast");
        for (int i = 0; i < 300; i++)
        {
            a.Mesh.PeerFound(address);
            world.RunFor(50);
            Assert.InRange(a.Snapshot.Links.Count, 0, Peering.Dialing.Dialer.MostAttempts);
        }

        Assert.NotEmpty(a.Snapshot.Links);
        a.Mesh.PeerFound(address with { Source = "static" });
        a.Mesh.PeerLost(address);
        Assert.Single(a.Snapshot.Addresses);
        a.Mesh.PeerLost(address with { Source = "static" });
        world.RunFor(10);
        Assert.Empty(a.Snapshot.Addresses);
        Assert.Empty(a.Snapshot.Links);
        long dials = a.Snapshot.Counters.Dials;
        world.RunFor(60_000);
        Assert.Equal(dials, a.Snapshot.Counters.Dials);
    }

    [Fact]
    public void A_name_is_resolved_on_each_try_and_its_addresses_are_dialed_in_parallel()
    {
        var world = new VirtualWorld();
        IPAddress[] answer = [IPAddress.Parse("10.0.0.7"), IPAddress.Parse("10.0.0.8")];
        int asked = 0;
        using var a = new TestNode(world, 1, o => new MeshOptions
        {
            Bind = o.Bind, NodeName = o.NodeName, Cluster = o.Cluster, JitterSeed = 1,
            ResolveName = name => Task.FromResult(++asked >= 0 && name == "peers.test" ? answer : []),
        });
        using var other = new TestNode(world, 8);
        a.Mesh.PeerFound(new PeerAddress("peers.test", 5671, "static"));
        world.RunUntil(() => a.Up.Count == 1, "the one that is there is linked", 500);
        using var moved = new TestNode(world, 9);
        answer = [IPAddress.Parse("10.0.0.8"), IPAddress.Parse("10.0.0.9")];
        world.RunUntil(() => a.Up.Count == 2, "the new one behind the name is linked too", 60_000);
        Assert.True(asked > 1);
        AddressSnapshot address = Assert.Single(a.Snapshot.Addresses);
        Assert.Equal("peers.test:5671", address.Address);
        Assert.Equal("linked", address.State);
    }

    [Fact]
    public void Of_two_address_families_of_a_name_the_first_that_answers_is_the_node()
    {
        var world = new VirtualWorld();
        IPAddress[] answer = [IPAddress.Parse("fd00::2"), IPAddress.Parse("10.0.0.2")];
        using var a = new TestNode(world, 1, o => new MeshOptions
        {
            Bind = o.Bind, NodeName = o.NodeName, Cluster = o.Cluster, JitterSeed = 1,
            ResolveName = _ => Task.FromResult(answer),
        });
        using var b = new TestNode(world, 2);
        world.Network.AddAlias("fd00::2", b.Endpoint);
        a.Mesh.PeerFound(new PeerAddress("b.test", 5671, "static"));
        world.RunUntil(() => a.Up.Count == 1, "linked", 500);
        world.RunFor(10_000);
        Assert.Equal(0, a.Snapshot.Counters.LinksReplaced);
        Assert.Single(a.Snapshot.Links);
        world.Network.Remove(b.Endpoint); // only the alias is left
    }

    [Fact]
    public void A_name_that_cannot_be_resolved_is_told_and_tried_again()
    {
        var world = new VirtualWorld();
        bool works = false;
        using var a = new TestNode(world, 1, o => new MeshOptions
        {
            Bind = o.Bind, NodeName = o.NodeName, Cluster = o.Cluster, JitterSeed = 1,
            ResolveName = name => works
                ? Task.FromResult<IPAddress[]>([IPAddress.Parse("10.0.0.2")])
                : Task.FromException<IPAddress[]>(new SocketException((int)SocketError.HostNotFound)),
        });
        using var b = new TestNode(world, 2);
        a.Mesh.PeerFound(new PeerAddress("b.test", 5671, "static"));
        world.RunFor(1_000);
        Assert.Contains("b.test", a.Snapshot.Addresses[0].LastFailure, StringComparison.Ordinal);
        works = true;
        world.RunUntil(() => a.Up.Count == 1, "linked", 60_000);
        Assert.Equal("", a.Snapshot.Addresses[0].LastFailure);
    }

    [Fact]
    public void Addresses_are_bounded_and_checked()
    {
        var world = new VirtualWorld();
        using var a = new TestNode(world, 1, o => new MeshOptions
        {
            Bind = o.Bind, NodeName = o.NodeName, Cluster = o.Cluster, MaxAddresses = 3,
        });
        Assert.False(a.Mesh.PeerFound(new PeerAddress("10.0.0.2", 0, "static")));
        Assert.False(a.Mesh.PeerFound(new PeerAddress("", 1, "static")));
        for (int i = 10; i < 13; i++)
        {
            Assert.True(a.Mesh.PeerFound(new PeerAddress($"10.0.0.{i}", 5671, "static")));
        }

        Assert.False(a.Mesh.PeerFound(new PeerAddress("10.0.0.20", 5671, "static")));
        Assert.True(a.Mesh.PeerFound(new PeerAddress("10.0.0.10", 5671, "multicast")));
    }

    [Fact]
    public void Links_are_bounded()
    {
        var world = new VirtualWorld();
        using var a = new TestNode(world, 1, o => new MeshOptions
        {
            Bind = o.Bind, NodeName = o.NodeName, Cluster = o.Cluster, MaxLinks = 2,
        });
        TestNode[] others = [.. Enumerable.Range(2, 4).Select(host => new TestNode(world, host))];
        foreach (TestNode other in others)
        {
            other.Knows(a);
        }

        world.RunFor(5_000);
        Assert.Equal(2, a.Up.Count);
        Assert.True(a.Snapshot.Counters.LinksOverLimit > 0);
        foreach (TestNode other in others)
        {
            other.Dispose();
        }
    }

    [Fact]
    public void A_full_mesh_of_twelve_comes_up_within_the_time_and_stays()
    {
        var world = new VirtualWorld(5);
        world.Network.JitterNs = 2_000_000;
        TestNode[] nodes = [.. Enumerable.Range(1, 12).Select(host => new TestNode(world, host))];
        foreach (TestNode node in nodes)
        {
            node.Knows(nodes); // each also learns its own address
        }

        world.RunUntil(() => nodes.All(n => n.Up.Count == 11), "everybody is linked to everybody", 1_500);
        world.RunFor(2_000);
        long dials = nodes.Sum(n => n.Snapshot.Counters.Dials);
        world.RunFor(60_000);
        Assert.Equal(dials, nodes.Sum(n => n.Snapshot.Counters.Dials));
        Assert.All(nodes, n => Assert.Equal(11, n.Snapshot.Links.Count));
        foreach (TestNode node in nodes)
        {
            node.Dispose();
        }
    }

    private static MeshOptions Seeded(MeshOptions o, int seed) => new()
    {
        Bind = o.Bind, NodeName = o.NodeName, Cluster = o.Cluster, Log = o.Log, JitterSeed = seed,
    };
}
