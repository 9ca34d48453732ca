using NexusD.EndToEnd.Tests.Harness;
using Xunit.Abstractions;

namespace NexusD.EndToEnd.Tests;

/// <summary>
/// Daemons find each other and link up, whatever the order; clusters stay apart; a killed node comes back.
/// </summary>
public sealed class MeshFormationTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("n1 n2 n3")]
    [InlineData("n3 n1 n2")]
    [InlineData("n2 n3 n1")]
    public async Task Three_daemons_link_up_by_multicast_in_any_order(string order)
    {
        await using ThreeNodes nodes = await ThreeNodes.ByMulticastAsync(order);
        await PublishReachesEverybodyAsync(nodes);
    }

    [Theory]
    [InlineData("n1 n2 n3")]
    [InlineData("n3 n2 n1")]
    [InlineData("n2 n1 n3")]
    public async Task Three_daemons_link_up_by_static_peers_in_any_order(string order)
    {
        await using ThreeNodes nodes = await ThreeNodes.ByPeersAsync(order);
        await PublishReachesEverybodyAsync(nodes);
    }

    [Fact]
    public async Task A_killed_daemon_that_comes_back_is_part_of_the_mesh_again()
    {
        await using ThreeNodes nodes = await ThreeNodes.ByPeersAsync();
        await nodes.N2.KillAsync();
        await nodes.StartOneAsync("n2");
        TimeSpan back = await nodes.N2.LinkedToAsync("n1", "n3");
        output.WriteLine($"linked {back.TotalMilliseconds:0} ms after the ready line");
        await nodes.LinkedAsync();
        await PublishReachesEverybodyAsync(nodes);
    }

    [Fact]
    public async Task A_daemon_of_another_cluster_on_the_same_group_sees_nothing()
    {
        await using ThreeNodes nodes = await ThreeNodes.ByMulticastAsync();
        string group = nodes.N1.CommandLine.Split(' ')
            .First(a => a.StartsWith("--mcast-port", StringComparison.Ordinal));
        await using DaemonProcess stranger = await DaemonProcess.StartAsync(
            nodes.Folder,
            "x1",
            "--cluster=other",
            "--discovery=multicast,static",
            group,
            "--mcast-interface=lo",
            $"--peers=127.0.0.1:{nodes.N1.MeshPort}");
        await using RunningProcess eavesdropper = stranger.Ctl("sub", "#", "--json");
        await Eventually.TrueAsync(
            "the stranger was refused by the cluster check",
            () => stranger.JsonAsync("status"),
            status => status.ToString().Contains("wrong_cluster", StringComparison.Ordinal)
                || status.ToString().Contains("cluster_mismatch", StringComparison.Ordinal));
        await PublishReachesEverybodyAsync(nodes);
        Assert.DoesNotContain(
            (await stranger.JsonAsync("peers")).EnumerateArray(),
            p => p.GetProperty("state").GetString() == "up");

        await stranger.CtlAsync("pub", "own/event", "mine");
        List<Received> seen = await Received.UntilAsync(eavesdropper, (_, _) => true);
        Assert.Equal("own/event", Assert.Single(seen).Topic);
    }

    private static async Task PublishReachesEverybodyAsync(ThreeNodes nodes)
    {
        RunningProcess[] subscribers = [.. nodes.All.Select(d => d.Ctl("sub", "check/*", "--json"))];
        try
        {
            foreach (DaemonProcess from in nodes.All)
            {
                foreach (DaemonProcess to in nodes.All.Where(d => d != from))
                {
                    await from.KnowsInterestOfAsync(to.Name);
                }
            }

            foreach (DaemonProcess from in nodes.All)
            {
                await SubscribedAsync(from);
                await from.CtlAsync("pub", $"check/{from.Name}", "hello", "--ack");
            }

            foreach (RunningProcess subscriber in subscribers)
            {
                List<Received> got = await Received.UntilAsync(subscriber, (_, count) => count == 3);
                Assert.Equal(["check/n1", "check/n2", "check/n3"], got.Select(r => r.Topic).Order());
            }
        }
        finally
        {
            foreach (RunningProcess subscriber in subscribers)
            {
                await subscriber.DisposeAsync();
            }
        }
    }

    private static Task SubscribedAsync(DaemonProcess daemon) => Eventually.TrueAsync(
        $"a subscriber is open on {daemon.Name}",
        () => daemon.JsonAsync("clients"),
        clients => clients.EnumerateArray().Any(c => c.GetProperty("subscriptions").GetInt32() > 0));
}
