using NexusD.EndToEnd.Tests.Harness;

namespace NexusD.EndToEnd.Tests;

/// <summary>
/// A daemon that is killed comes back with an empty store, which its peers repair while clients are there again.
/// </summary>
public sealed class RepairedStateTests
{
    [Fact]
    public async Task What_a_subscriber_had_live_does_not_come_again_when_its_daemon_was_killed()
    {
        await using ThreeNodes nodes = await ThreeNodes.ByPeersAsync();
        await nodes.N1.CtlAsync("pub", "state/old", "old", "--retain", "--ack");
        await Eventually.TrueAsync("n3 has state/old", () => nodes.N3.JsonAsync("retained"), l => Topics(l) == 1);
        await using RunningProcess subscriber = nodes.N3.Ctl("sub", "state/#", "probe/#", "--json");
        await nodes.N1.KnowsInterestOfAsync("n3", 2);
        await using RunningProcess publisher = nodes.N1.Ctl("pub", "--topic", "state/live", "--lines", "--retain");
        await PublishAsync(publisher, "one");
        List<Received> first = await Received.UntilAsync(subscriber, (r, _) => r.Payload == "one");
        Assert.Contains(first, r => r is { Topic: "state/old", Retained: true });
        Assert.Contains(first, r => r is { Topic: "state/live", Retained: false });

        await nodes.N3.KillAsync();
        await nodes.N1.CtlAsync("pub", "state/meanwhile", "new", "--retain", "--ack");
        await nodes.StartOneAsync("n3");
        await Eventually.TrueAsync("n3 is repaired", () => nodes.N3.JsonAsync("retained"), l => Topics(l) == 3);
        await nodes.N1.KnowsInterestOfAsync("n3", 2);
        await PublishAsync(publisher, "two");

        List<Received> then = await Received.UntilAsync(subscriber, (r, _) => r.Payload == "two");
        Assert.DoesNotContain(then, r => r.Payload == "one");
        Assert.Single(then, r => r is { Topic: "state/meanwhile", Retained: true });
        Assert.All(then, r => Assert.Equal(r.Payload != "two", r.Retained));
    }

    private static int Topics(System.Text.Json.JsonElement list) => list.GetArrayLength();

    private static async Task PublishAsync(RunningProcess publisher, string payload)
    {
        await publisher.Input.WriteLineAsync(payload);
        await publisher.Input.FlushAsync();
    }
}
