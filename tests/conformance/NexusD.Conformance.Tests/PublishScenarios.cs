using System.Text.Json.Nodes;
using NexusD.Conformance.Tests.Driver;

namespace NexusD.Conformance.Tests;

/// <summary>Scenarios 10 to 19: publishing, acknowledgements, buffers, broken connections.</summary>
public sealed class PublishScenarios : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [EachLanguage]
    public async Task S10_everything_that_an_event_carries(string language)
    {
        await using DaemonProcess daemon = await Daemon.StartAsync(_folder, "a");
        await using Agent agent = Agent.Start(language);
        ClientHandle client = await agent.NewAsync(daemon.Address);
        SubscriptionHandle all = await client.SubscribeAsync("#");
        var carried = new JsonObject
        {
            ["content_type"] = "application/json", ["correlation_id"] = "c-7", ["reply_topic"] = "answers/7",
            ["ttl_ms"] = 60_000, ["priority"] = "high", ["headers"] = new JsonObject { ["k"] = "v", ["é"] = "ü" },
        };
        Assert.Equal((1, 0), await client.AcknowledgedAsync("a/b", "héllo", carried));
        await client.PublishAsync("a/empty", "");
        await client.DoAsync("publish", new() { ["topic"] = "a/large", ["size"] = 4_194_304 });

        List<Message> came = await all.ReadAsync(3);
        Assert.Equal(("a/b", "héllo"), (came[0].Topic, came[0].Payload));
        foreach (string name in new[] { "content_type", "correlation_id", "reply_topic", "ttl_ms", "priority" })
        {
            Assert.Equal(carried[name]!.ToString(), came[0][name]);
        }

        Assert.Equal("v", (string?)came[0].Json["headers"]!["k"]);
        Assert.Equal("ü", (string?)came[0].Json["headers"]!["é"]);
        Assert.Equal(("a/empty", 0), (came[1].Topic, came[1].Size));
        Assert.Equal(("a/large", 4_194_304), (came[2].Topic, came[2].Size));
        Assert.Equal([1ul, 2ul, 3ul], came.Select(m => m.Number));
        Assert.Single(came.Select(m => m.Publisher).Distinct());
    }

    [Theory]
    [EachLanguage]
    public async Task S11_wrong_use_is_told_where_it_happens(string language)
    {
        await using DaemonProcess daemon = await Daemon.StartAsync(_folder, "a", "--max-payload=10000");
        await using Agent agent = Agent.Start(language);
        ClientHandle client = await agent.NewAsync(daemon.Address);
        await client.WaitReadyAsync();
        foreach (string topic in new[] { "", "a/*", "a/#", "$nexusd/x", new string('t', 1_025) })
        {
            foreach (bool acknowledged in new[] { false, true })
            {
                Failure failure = await client.FailAsync(
                    "publish", new() { ["topic"] = topic, ["payload"] = "1", ["ack"] = acknowledged });
                Assert.True(failure.Kind is "publish" or "argument", $"{topic}: {failure}");
            }
        }

        Failure large = await client.FailAsync("publish", new() { ["topic"] = "a", ["size"] = 10_001 });
        Assert.Equal("publish", large.Kind);
        Assert.Contains("10001", large.Text.Replace(",", "", StringComparison.Ordinal), StringComparison.Ordinal);
        foreach (string filter in new[] { "", "a/b*", "a/#/b", "$share/g" })
        {
            Failure failure = await client.FailAsync("subscribe", client.SubscribeCommand("bad", [filter], null));
            Assert.True(failure.Kind is "subscribe" or "argument", $"{filter}: {failure}");
        }

        Assert.Equal((0, 0), await client.AcknowledgedAsync("still/works", "1"));
        Assert.Equal("connected", await client.StateAsync());
    }

    [Theory]
    [EachLanguage]
    public async Task S12_the_acknowledgement_counts_subscriptions_and_peers(string language)
    {
        int[] ports = FreePorts.Udp(2);
        await using DaemonProcess a = await Daemon.StartAsync(
            _folder, "a", $"--mesh-port={ports[0]}", $"--peers=127.0.0.1:{ports[1]}");
        await using DaemonProcess b = await Daemon.StartAsync(
            _folder, "b", $"--mesh-port={ports[1]}", $"--peers=127.0.0.1:{ports[0]}");
        await a.LinkedToAsync("b");
        await using Agent agent = Agent.Start(language);
        ClientHandle here = await agent.NewAsync(a.Address, null, "here");
        ClientHandle there = await agent.NewAsync(b.Address, null, "there");
        SubscriptionHandle one = await here.SubscribeAsync("t/#");
        SubscriptionHandle two = await here.SubscribeAsync(["t/*", "t/1"]);
        SubscriptionHandle far = await there.SubscribeAsync("t/1");
        await a.KnowsInterestOfAsync("b");
        Assert.Equal((2, 1), await here.AcknowledgedAsync("t/1", "x"));
        Assert.Equal((0, 0), await here.AcknowledgedAsync("u", "x"));
        foreach (SubscriptionHandle subscription in new[] { one, two, far })
        {
            Assert.Equal("x", (await subscription.ReadAsync(1))[0].Payload);
        }
    }

    [Theory]
    [EachLanguage]
    public async Task S13_many_events_arrive_once_and_in_order(string language)
    {
        await using DaemonProcess daemon = await Daemon.StartAsync(_folder, "a");
        await using Agent agent = Agent.Start(language);
        await using Agent reader = Agent.Start(language);
        ClientHandle from = await agent.NewAsync(daemon.Address);
        ClientHandle to = await reader.NewAsync(daemon.Address);
        SubscriptionHandle numbers = await to.SubscribeAsync(
            "n", new() { ["queue_events"] = 1_000_000, ["queue_bytes"] = 268_435_456 });
        await from.NumbersAsync("n", 1, 30_000);
        await from.NumbersAsync("n", 30_001, 30_000, batch: true);
        await from.NumbersAsync("n", 60_001, 5_000, 1_000);
        await from.NumbersAsync("n", 65_001, 35_000, 100, batch: true);
        await from.FlushAsync();
        await numbers.ReadNumbersAsync(1, 100_000);
        Assert.Equal(100_000, (long)(await from.StatisticsAsync())["published"]!);
    }

    [Theory]
    [EachLanguage]
    public async Task S14_a_restart_of_the_daemon_is_bridged(string language)
    {
        await using Agent agent = Agent.Start(language);
        DaemonProcess daemon = await Daemon.StartAsync(_folder, "a");
        ClientHandle client = await agent.NewAsync(daemon.Address, ConnectionScenarios.Quick());
        await client.WaitReadyAsync();
        await daemon.KillAsync();
        await client.ReachesAsync("reconnecting");
        await daemon.DisposeAsync();
        var retain = new JsonObject { ["retain"] = true };
        for (int i = 0; i < 50; i++)
        {
            await client.PublishAsync($"kept/{i}", $"{i}", retain);
        }

        await using DaemonProcess again = await Daemon.StartAsync(_folder, "a");
        await client.FlushAsync();
        SubscriptionHandle kept = await client.SubscribeAsync("kept/*");
        List<Message> came = await kept.ReadAsync(50);
        Assert.All(came, m => Assert.True(m.IsRetained));
        Assert.Equal(
            Enumerable.Range(0, 50).Select(i => $"{i}").Order(), came.Select(m => m.Payload!).Order());
        Assert.Equal(0, (long)(await client.StatisticsAsync())["in_doubt"]!);
    }

    [Theory]
    [EachLanguage]
    public async Task S15_a_lost_acknowledgement_makes_no_second_event(string language)
    {
        await using DaemonProcess daemon = await Daemon.StartAsync(_folder, "a");
        await using var proxy = new Proxy(daemon.Socket);
        await using Agent agent = Agent.Start(language);
        ClientHandle watcher = await agent.NewAsync(daemon.Address, null, "watcher");
        SubscriptionHandle all = await watcher.SubscribeAsync("#");
        ClientHandle client = await agent.NewAsync(proxy.Address, ConnectionScenarios.Quick());
        Assert.Equal((1, 0), await client.AcknowledgedAsync("t", "1"));

        proxy.IsMute = true;
        (long _, Task<JsonObject> second) = client.Begin(
            "publish", new() { ["topic"] = "t", ["payload"] = "2", ["ack"] = true });
        Assert.Equal(["1", "2"], (await all.ReadAsync(2)).Select(m => m.Payload));
        proxy.Break();
        proxy.IsMute = false;
        Assert.True((bool?)(await second)["ok"], (await second).ToJsonString());
        Assert.Equal((1, 0), await client.AcknowledgedAsync("t", "3"));
        List<Message> rest = await all.ReadAsync(1);
        Assert.Equal(("3", 3ul), (rest[0].Payload, rest[0].Number));
    }

    [Theory]
    [EachLanguage]
    public async Task S16_a_full_buffer_while_the_daemon_is_away_is_told(string language)
    {
        await using Agent agent = Agent.Start(language);
        JsonObject options = ConnectionScenarios.Quick();
        options["publish_buffer_bytes"] = 1 << 20;
        ClientHandle client = await agent.NewAsync($"unix:{_folder.File("a.sock")}", options);
        Failure failure = await client.FailAsync("publish_numbers", client.NumbersCommand("n", 1, 20_000, 100));
        Assert.Equal("buffer_full", failure.Kind);
        await using DaemonProcess daemon = await Daemon.StartAsync(_folder, "a");
        await client.FlushAsync();
        Assert.Equal((0, 0), await client.AcknowledgedAsync("a", "1"));
    }

    [Theory]
    [EachLanguage]
    public async Task S17_a_slower_daemon_slows_the_publisher(string language)
    {
        await using DaemonProcess daemon = await Daemon.StartAsync(_folder, "a");
        await using Agent agent = Agent.Start(language);
        await using Agent reader = Agent.Start(language);
        ClientHandle to = await reader.NewAsync(daemon.Address);
        SubscriptionHandle numbers = await to.SubscribeAsync(
            "n", new() { ["queue_events"] = 1_000_000, ["queue_bytes"] = 268_435_456 });
        JsonObject options = ConnectionScenarios.Quick();
        options["publish_buffer_bytes"] = 1 << 20;
        ClientHandle from = await agent.NewAsync(daemon.Address, options);
        await from.WaitReadyAsync();
        daemon.Signal(19);
        (long _, Task<JsonObject> publishing) = from.Begin(
            "publish_numbers", from.NumbersCommand("n", 1, 100_000, 100));
        await Eventually.TrueAsync(
            "the publisher is under way", from.StatisticsAsync, s => (long)s["published"]! > 5_000);
        Assert.False(
            publishing.IsCompleted,
            publishing.IsCompleted ? $"10 MB went into a buffer of 1 MiB: {await publishing}" : "");
        daemon.Signal(18);
        JsonObject answer = await publishing;
        Assert.True((bool?)answer["ok"], answer.ToJsonString());
        await numbers.ReadNumbersAsync(1, 100_000);
    }

    [Theory]
    [EachLanguage]
    public async Task S18_a_publish_that_waits_can_be_cancelled(string language)
    {
        await using Agent agent = Agent.Start(language);
        ClientHandle client = await agent.NewAsync($"unix:{_folder.File("a.sock")}", ConnectionScenarios.Quick());
        (long id, Task<JsonObject> publish) = client.Begin(
            "publish", new() { ["topic"] = "a", ["payload"] = "1", ["ack"] = true });
        await client.ReachesAsync("reconnecting");
        await agent.DoAsync("cancel", new() { ["target"] = id });
        Assert.Equal("cancelled", (string?)(await publish)["error"]);
        await using DaemonProcess daemon = await Daemon.StartAsync(_folder, "a");
        await client.WaitReadyAsync();
        Assert.Equal((0, 0), await client.AcknowledgedAsync("a", "2"));
    }

    [Theory]
    [EachLanguage]
    public async Task S19_an_acknowledgement_that_does_not_come_in_time_is_told(string language)
    {
        await using DaemonProcess daemon = await Daemon.StartAsync(_folder, "a");
        await using Agent agent = Agent.Start(language);
        ClientHandle client = await agent.NewAsync(daemon.Address, new() { ["acknowledge_timeout_ms"] = 200 });
        await client.WaitReadyAsync();
        daemon.Signal(19);
        Failure failure = await client.FailAsync(
            "publish", new() { ["topic"] = "a", ["payload"] = "1", ["ack"] = true });
        daemon.Signal(18);
        Assert.Equal("timeout", failure.Kind);
        Assert.Equal((0, 0), await client.AcknowledgedAsync("a", "2"));
    }
}
