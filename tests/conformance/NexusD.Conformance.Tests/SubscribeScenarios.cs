using System.Text.Json.Nodes;
using NexusD.Conformance.Tests.Driver;

namespace NexusD.Conformance.Tests;

/// <summary>Scenarios 20 to 29: what a subscription gets, and how it ends.</summary>
public sealed class SubscribeScenarios : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [EachLanguage]
    public async Task S20_filters_select_and_one_copy_comes(string language)
    {
        await using DaemonProcess daemon = await Daemon.StartAsync(_folder, "a");
        await using Agent agent = Agent.Start(language);
        ClientHandle client = await agent.NewAsync(daemon.Address);
        SubscriptionHandle many = await client.SubscribeAsync(["a/*", "a/+", "a/#", "b/1"]);
        SubscriptionHandle one = await client.SubscribeAsync("*/1");
        foreach (string topic in new[] { "a/1", "b/1", "c", "a", "a/1/2", "b/2" })
        {
            await client.PublishAsync(topic, topic);
        }

        await client.PublishAsync("b/1", "last");
        Assert.Equal(["a/1", "b/1", "a", "a/1/2", "last"], (await many.ReadAsync(5)).Select(m => m.Payload));
        Assert.Equal(["a/1", "b/1", "last"], (await one.ReadAsync(3)).Select(m => m.Payload));
    }

    [Theory]
    [EachLanguage]
    public async Task S21_retained(string language)
    {
        await using DaemonProcess daemon = await Daemon.StartAsync(_folder, "a");
        await using Agent agent = Agent.Start(language);
        ClientHandle client = await agent.NewAsync(daemon.Address);
        var retain = new JsonObject { ["retain"] = true };
        await client.AcknowledgedAsync("r/1", "old", retain);
        await client.AcknowledgedAsync("r/1", "new", retain);
        await client.AcknowledgedAsync("r/2", "gone", retain);
        await client.AcknowledgedAsync("r/2", "", retain);

        SubscriptionHandle with = await client.SubscribeAsync("r/#");
        Message kept = (await with.ReadAsync(1))[0];
        Assert.Equal(("new", true), (kept.Payload, kept.IsRetained));
        SubscriptionHandle without = await client.SubscribeAsync("r/#", new() { ["receive_retained"] = false });
        await client.PublishAsync("r/3", "live");
        Message live = (await without.ReadAsync(1))[0];
        Assert.Equal(("live", false), (live.Payload, live.IsRetained));
        Assert.Equal("live", (await with.ReadAsync(1))[0].Payload);
    }

    [Theory]
    [EachLanguage]
    public async Task S22_leaving_the_loop_unsubscribes(string language)
    {
        await using DaemonProcess daemon = await Daemon.StartAsync(_folder, "a");
        await using Agent agent = Agent.Start(language);
        ClientHandle client = await agent.NewAsync(daemon.Address);
        SubscriptionHandle left = await client.SubscribeAsync("t");
        SubscriptionHandle stays = await client.SubscribeAsync("t");
        await client.NumbersAsync("t", 1, 100);
        await left.ReadAsync(1);
        await left.CloseAsync();
        await Eventually.TrueAsync("one is left", () => client.AcknowledgedAsync("t", "101"), a => a.Local == 1);
        await stays.ReadNumbersAsync(1, 100);
    }

    [Theory]
    [EachLanguage]
    public async Task S23_a_read_can_be_cancelled(string language)
    {
        await using DaemonProcess daemon = await Daemon.StartAsync(_folder, "a");
        await using Agent agent = Agent.Start(language);
        ClientHandle client = await agent.NewAsync(daemon.Address);
        SubscriptionHandle subscription = await client.SubscribeAsync("t");
        (long id, Task<JsonObject> read) = subscription.BeginRead(1);
        await agent.DoAsync("cancel", new() { ["target"] = id });
        JsonObject answer = await read;
        Assert.Equal("cancelled", (string?)answer["error"]);
        Assert.Equal("connected", await client.StateAsync());
    }

    [Theory]
    [EachLanguage]
    public async Task S24_a_slow_reader_holds_up_nobody(string language)
    {
        await using DaemonProcess daemon = await Daemon.StartAsync(_folder, "a");
        await using Agent agent = Agent.Start(language);
        ClientHandle client = await agent.NewAsync(daemon.Address);
        SubscriptionHandle slow = await client.SubscribeAsync(
            "n", new() { ["queue_events"] = 1_000, ["receive_buffer_bytes"] = 65_536 });
        SubscriptionHandle healthy = await client.SubscribeAsync(
            "n", new() { ["queue_events"] = 1_000_000, ["queue_bytes"] = 268_435_456 });
        Task publishing = client.NumbersAsync("n", 1, 10_000, 1_000);
        await healthy.ReadNumbersAsync(1, 10_000);
        await publishing;
        Assert.Equal((2, 0), await client.AcknowledgedAsync("n", "10001"));

        long got = 0;
        long last = 0;
        while (last != 10_001)
        {
            JsonObject part = await slow.TakeNumbersAsync(1, 30_000);
            Assert.Equal(1, (int)part["count"]!);
            Assert.True((long)part["last"]! > last, "the slow reader's events are out of order");
            last = (long)part["last"]!;
            got++;
        }

        IReadOnlyList<JsonObject> log = await client.LogAsync();
        Assert.Equal(10_001, got + ClientHandle.Told(log, "gap", "queue_full"));
        Assert.True(got < 10_001, "nothing was dropped: the slow reader was not slow");
        Assert.Contains(log, e => (string)e["kind"]! == "gap" && (string?)e["node"] == "a"
            && ((JsonArray)e["filters"]!).Any(f => (string?)f == "n"));
    }

    [Theory]
    [EachLanguage]
    public async Task S25_the_publisher_is_told_of_losses(string language)
    {
        await using DaemonProcess daemon = await Daemon.StartAsync(_folder, "a");
        await using Agent agent = Agent.Start(language);
        ClientHandle reader = await agent.NewAsync(daemon.Address, null, "reader");
        ClientHandle publisher = await agent.NewAsync(daemon.Address);
        await reader.SubscribeAsync("n", new()
        {
            ["queue_events"] = 100, ["receive_buffer_bytes"] = 65_536, ["overflow"] = "drop-newest",
        });
        await publisher.NumbersAsync("n", 1, 10_000, 1_000);
        await publisher.FlushAsync();
        await publisher.ToldAsync(
            "the loss was told", log => ClientHandle.Told(log, "publish_loss", "queue_full") > 5_000);
    }

    [Theory]
    [EachLanguage]
    public async Task S26_conflate_keeps_the_latest(string language)
    {
        await using DaemonProcess daemon = await Daemon.StartAsync(_folder, "a");
        await using Agent agent = Agent.Start(language);
        ClientHandle client = await agent.NewAsync(daemon.Address);
        SubscriptionHandle latest = await client.SubscribeAsync(
            "n", new() { ["overflow"] = "conflate", ["receive_buffer_bytes"] = 65_536 });
        await client.NumbersAsync("n", 1, 20_000, 1_000);
        await client.FlushAsync();
        long got = 0;
        long last = 0;
        while (last != 20_000)
        {
            JsonObject part = await latest.TakeNumbersAsync(1, 30_000);
            Assert.Equal(1, (int)part["count"]!);
            last = (long)part["last"]!;
            got++;
        }

        Assert.Equal(20_000, got + ClientHandle.Told(await client.LogAsync(), "gap", "conflated"));
    }

    [Theory]
    [EachLanguage]
    public async Task S27_block_loses_nothing(string language)
    {
        await using DaemonProcess daemon = await Daemon.StartAsync(_folder, "a");
        await using Agent agent = Agent.Start(language);
        ClientHandle publisher = await agent.NewAsync(daemon.Address, null, "publisher");
        ClientHandle reader = await agent.NewAsync(daemon.Address);
        SubscriptionHandle numbers = await reader.SubscribeAsync("n", new()
        {
            ["overflow"] = "block", ["block_timeout_ms"] = 60_000, ["queue_events"] = 100,
            ["receive_buffer_bytes"] = 65_536,
        });
        Task publishing = publisher.NumbersAsync("n", 1, 20_000, 1_000);
        await numbers.ReadNumbersAsync(1, 20_000);
        await publishing;
        Assert.DoesNotContain(await reader.LogAsync(), e => (string)e["kind"]! == "gap");
    }

    [Theory]
    [EachLanguage]
    public async Task S28_what_expires_is_told(string language)
    {
        await using DaemonProcess daemon = await Daemon.StartAsync(_folder, "a");
        await using Agent agent = Agent.Start(language);
        ClientHandle client = await agent.NewAsync(daemon.Address);
        SubscriptionHandle slow = await client.SubscribeAsync("#", new() { ["receive_buffer_bytes"] = 65_536 });
        await client.NumbersAsync("n", 1, 5_000, 1_000);
        await client.PublishAsync("n", "5001", new() { ["ttl_ms"] = 1 });
        await client.FlushAsync();
        // Whatever the acknowledgement says was published after the time to live had run out in the queue.
        await Eventually.TrueAsync(
            "a millisecond passed",
            () => Task.FromResult(Environment.TickCount64),
            Later(Environment.TickCount64 + 20));
        await client.PublishAsync("n", "5002");
        JsonObject got = await slow.TakeNumbersAsync(5_001, 30_000);
        Assert.Equal((5_001, 5_002L, true), ((int)got["count"]!, (long)got["last"]!, (bool)got["ordered"]!));
        Assert.Equal(1, ClientHandle.Told(await client.LogAsync(), "gap", "expired"));
    }

    [Theory]
    [EachLanguage]
    public async Task S29_members_of_a_group_share(string language)
    {
        await using DaemonProcess daemon = await Daemon.StartAsync(_folder, "a");
        await using Agent agent = Agent.Start(language);
        ClientHandle client = await agent.NewAsync(daemon.Address);
        var roundRobin = new JsonObject { ["group"] = "g", ["strategy"] = "round-robin" };
        SubscriptionHandle one = await client.SubscribeAsync("n", (JsonObject)roundRobin.DeepClone());
        SubscriptionHandle two = await client.SubscribeAsync(
            "$share/g/n", new() { ["strategy"] = "round-robin" });
        for (int i = 1; i <= 100; i++)
        {
            Assert.Equal((1, 0), await client.AcknowledgedAsync("n", $"{i}"));
        }

        JsonObject first = await one.TakeNumbersAsync(50, 30_000);
        JsonObject second = await two.TakeNumbersAsync(50, 30_000);
        Assert.Equal((50, 50), ((int)first["count"]!, (int)second["count"]!));
        Assert.Equal(5_050, (long)first["sum"]! + (long)second["sum"]!);
    }

    private static Func<long, bool> Later(long moment) => now => now >= moment;
}
