namespace NexusD.Peering.Tests.Engine;

/// <summary>The mesh over real UDP and TLS.</summary>
public sealed class EngineTests
{
    [EngineFact]
    public void Three_nodes_link_and_forward_in_order()
    {
        using var a = new EngineNode("a");
        using var b = new EngineNode("b");
        using var c = new EngineNode("c");
        EngineNode[] nodes = [a, b, c];
        CountingTarget[] targets = [.. nodes.Select(n => n.Subscribe("t/#"))];
        foreach (EngineNode node in nodes)
        {
            node.Knows(nodes);
        }

        foreach (EngineNode node in nodes)
        {
            node.WaitFor(() => node.Router.GetStatistics().PeerInterests == 2, "both others are known");
        }

        const int Runs = 200;
        for (int round = 0; round < 5; round++)
        {
            for (int i = 0; i < nodes.Length; i++)
            {
                ulong first = 1 + (ulong)(round * Runs * 20);
                Assert.Equal(2, nodes[i].Publish($"t/{i}", 100 + (ulong)i, first, Runs, 20, 100));
                Assert.Equal(2, nodes[i].Publish($"t/{i}", 200 + (ulong)i, first, Runs, 20, 100));
            }
        }

        const long All = 5L * Runs * 20 * 2 * 3;
        for (int i = 0; i < nodes.Length; i++)
        {
            CountingTarget target = targets[i];
            nodes[i].WaitFor(() => target.Events == All, "everything has arrived");
            Assert.Equal(0, target.Disorders);
            Assert.Equal(0UL, target.Gaps);
            Assert.Equal(2, nodes[i].UpCount);
            Assert.All(nodes[i].Snapshot.Links, l => Assert.True(l.RttMicroseconds > 0));
        }
    }

    [EngineFact]
    public void Large_payloads_and_more_than_a_window_arrive_whole()
    {
        using var a = new EngineNode("a");
        using var b = new EngineNode("b");
        CountingTarget wants = b.Subscribe("t/#");
        a.Knows(b);
        a.WaitFor(() => a.Router.GetStatistics().PeerInterests == 1, "interest is known");
        for (ulong i = 0; i < 20; i++)
        {
            Assert.Equal(1, a.Publish("t/large", 5, 1 + i, 1, 1, 2_000_000));
        }

        b.WaitFor(() => wants.Events == 20, "everything has arrived");
        Assert.Equal(0, wants.Disorders);
    }

    [EngineFact]
    public void A_node_that_vanishes_is_noticed_and_linked_again_when_it_is_back()
    {
        using var a = new EngineNode("a", hasty: true);
        var b = new EngineNode("b", hasty: true);
        a.Knows(b);
        a.WaitFor(() => a.Mesh.LinksUp == 1, "linked");
        b.Freeze();
        a.WaitFor(() => a.Mesh.LinksUp == 0, "the loss is noticed");
        int port = b.Port;
        b.Dispose();
        using var again = new EngineNode("b", port: port, hasty: true);
        CountingTarget wants = again.Subscribe("#");
        a.WaitFor(() => a.Router.GetStatistics().PeerInterests == 1, "linked again", TimeSpan.FromSeconds(10));
        Assert.Equal(1, a.Publish("t", 9, 1, 1, 1, 10));
        again.WaitFor(() => wants.Events == 1, "an event arrives");
    }

    [EngineFact]
    public void Leaving_is_told_and_nothing_queued_is_lost()
    {
        using var a = new EngineNode("a");
        using var b = new EngineNode("b");
        CountingTarget wants = b.Subscribe("#");
        a.Knows(b);
        a.WaitFor(() => a.Router.GetStatistics().PeerInterests == 1, "interest is known");
        Assert.Equal(1, a.Publish("t", 9, 1, 2_000, 10, 1_000));
        bool left = false;
        a.Do(() =>
        {
            a.Mesh.Leave(TimeSpan.FromSeconds(30), () => left = true);
            return true;
        });
        a.WaitFor(() => left, "it has left");
        b.WaitFor(() => b.Mesh.LinksUp == 0, "the link is gone");
        Assert.Equal(20_000, wants.Events);
        Assert.Equal(0, wants.Disorders);
    }

    [EngineFact]
    public void With_an_authority_only_its_nodes_get_in()
    {
        using var authority = new TestAuthority("site");
        using var other = new TestAuthority("elsewhere");
        using var a = new EngineNode("a", authority.Issue("a"));
        using var b = new EngineNode("b", authority.Issue("b"));
        using var stranger = new EngineNode("stranger");
        using var foreigner = new EngineNode("foreigner", other.Issue("foreigner"));
        using var spy = new EngineNode("spy", other.Issue("spy", trusts: authority));
        a.Knows(b);
        a.WaitFor(() => a.Mesh.LinksUp == 1, "those of one authority are linked");
        Assert.True(a.Snapshot.Authenticated);
        foreach (EngineNode outsider in (EngineNode[])[stranger, foreigner, spy])
        {
            outsider.Knows(a);
            outsider.WaitFor(
                () => outsider.Mesh.GetSnapshot().Addresses[0].Failures > 1,
                $"{outsider.Name} is refused twice");
            Assert.Equal(0, outsider.Mesh.LinksUp);
        }

        a.Knows(stranger);
        a.WaitFor(() => a.Mesh.GetSnapshot().Addresses[1].Failures > 0, "a does not trust the stranger either");
        Assert.Equal(1, a.UpCount);
        Assert.Equal(1, b.UpCount);
    }

    [EngineFact]
    public void Mutated_streams_over_the_wire_do_no_harm()
    {
        using var node = new EngineNode("a");
        using var good = new EngineNode("good");
        CountingTarget wants = good.Subscribe("#");
        good.Knows(node);
        node.WaitFor(() => node.Mesh.LinksUp == 1, "a good peer is linked");
        var random = new Random(7);
        using var hostile = new HostileDialer();
        for (int i = 0; i < 150; i++)
        {
            hostile.Attack(node.Mesh.LocalEndPoint, random);
        }

        node.WaitFor(
            () => node.Mesh.GetSnapshot().Links.Count(l => l.State == LinkState.Up) == 1,
            "only the good peer is left");
        Assert.Equal(1, node.Publish("t", 9, 1, 1, 1, 10));
        good.WaitFor(() => wants.Events == 1, "the good peer is served");
        Assert.True(node.Snapshot.Counters.RefusedHere(Protocol.ErrorCode.Malformed) > 20);
    }
}
