using NexusD.EndToEnd.Tests.Harness;

namespace NexusD.EndToEnd.Tests;

/// <summary>Retained events are on every node and outlive the node that they were published on.</summary>
public sealed class RetainedTests
{
    [Fact]
    public async Task A_late_subscriber_gets_retained_events_on_every_node()
    {
        await using ThreeNodes nodes = await ThreeNodes.ByPeersAsync();
        await PublishRetainedAsync(nodes.N1);
        foreach (DaemonProcess node in nodes.All)
        {
            await AssertRetainedAsync(node);
        }
    }

    [Fact]
    public async Task Retained_events_outlive_the_publishers_daemon_and_return_to_it()
    {
        await using ThreeNodes nodes = await ThreeNodes.ByPeersAsync();
        await PublishRetainedAsync(nodes.N1);
        await AssertRetainedAsync(nodes.N3);
        await nodes.N1.KillAsync();
        await AssertRetainedAsync(nodes.N2);
        await AssertRetainedAsync(nodes.N3);

        await nodes.StartOneAsync("n1");
        await AssertRetainedAsync(nodes.N1);
    }

    [Fact]
    public async Task What_changed_while_a_node_was_away_is_repaired_when_it_returns()
    {
        await using ThreeNodes nodes = await ThreeNodes.ByPeersAsync();
        await PublishRetainedAsync(nodes.N1);
        await AssertRetainedAsync(nodes.N3);
        await nodes.N3.KillAsync();
        await nodes.N1.CtlAsync("pub", "state/a", "new", "--retain", "--ack");
        await nodes.N1.CtlAsync("pub", "state/b", "", "--retain", "--ack");
        await nodes.StartOneAsync("n3");
        await Eventually.TrueAsync(
            "n3 holds the new value and not the deleted one",
            () => RetainedOnAsync(nodes.N3),
            got => got.Count == 1 && got[0] is { Topic: "state/a", Payload: "new", Retained: true });
    }

    private static async Task PublishRetainedAsync(DaemonProcess node)
    {
        await node.CtlAsync("pub", "state/a", "old", "--retain", "--ack");
        await node.CtlAsync("pub", "state/a", "alpha", "--retain", "--ack");
        await node.CtlAsync("pub", "state/b", "beta", "--retain", "--ack");
        await node.CtlAsync("pub", "state/c", "not retained", "--ack");
    }

    private static Task AssertRetainedAsync(DaemonProcess node) => Eventually.TrueAsync(
        $"{node.Name} gives state/a and state/b to a late subscriber",
        () => RetainedOnAsync(node),
        got => got.Count == 2
            && got.Any(r => r is { Topic: "state/a", Payload: "alpha", Retained: true })
            && got.Any(r => r is { Topic: "state/b", Payload: "beta", Retained: true }));

    /// <summary>
    /// What a new subscriber of state/# gets at once: all that stands before an event published after it subscribed.
    /// </summary>
    private static async Task<List<Received>> RetainedOnAsync(DaemonProcess node)
    {
        await using RunningProcess subscriber = node.Ctl("sub", "state/#", "probe/#", "--json");
        await Eventually.TrueAsync(
            $"the subscription is open on {node.Name}",
            () => node.JsonAsync("clients"),
            clients => clients.EnumerateArray().Any(c => c.GetProperty("subscriptions").GetInt32() > 0));
        await node.CtlAsync("pub", "probe/end", "end", "--ack");
        List<Received> got = await Received.UntilAsync(subscriber, (r, _) => r.Topic == "probe/end");
        return [.. got.Where(r => r.Topic != "probe/end")];
    }
}
