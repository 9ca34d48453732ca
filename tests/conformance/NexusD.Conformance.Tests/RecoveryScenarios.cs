using System.Text.Json.Nodes;
using NexusD.Conformance.Tests.Driver;

namespace NexusD.Conformance.Tests;

/// <summary>Scenarios 30 to 37: subscriptions through broken connections, requests, queries.</summary>
public sealed class RecoveryScenarios : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [EachLanguage]
    public async Task S30_a_subscription_outlives_its_daemon(string language)
    {
        await using Agent agent = Agent.Start(language);
        DaemonProcess daemon = await Daemon.StartAsync(_folder, "a");
        ClientHandle client = await agent.NewAsync(daemon.Address, ConnectionScenarios.Quick());
        SubscriptionHandle subscription = await client.SubscribeAsync("t");
        await client.PublishAsync("t", "1");
        Assert.Equal("1", (await subscription.ReadAsync(1))[0].Payload);
        await daemon.KillAsync();
        await client.ReachesAsync("reconnecting");
        await daemon.DisposeAsync();
        await using DaemonProcess again = await Daemon.StartAsync(_folder, "a");
        await client.ReachesAsync("connected");
        Assert.Equal((1, 0), await client.AcknowledgedAsync("t", "2"));
        Message second = (await subscription.ReadAsync(1))[0];
        Assert.Equal(("2", 2ul), (second.Payload, second.Number));
    }

    [Theory]
    [EachLanguage]
    public async Task S31_resume_from_the_rings(string language)
    {
        await using DaemonProcess daemon = await Daemon.StartAsync(_folder, "a", "--recovery-events=100");
        await using var proxy = new Proxy(daemon.Socket);
        await using Agent agent = Agent.Start(language);
        ClientHandle publisher = await agent.NewAsync(daemon.Address, null, "publisher");
        ClientHandle client = await agent.NewAsync(proxy.Address, ConnectionScenarios.Quick());
        SubscriptionHandle numbers = await client.SubscribeAsync("n");
        await publisher.NumbersAsync("n", 1, 10);
        await numbers.ReadNumbersAsync(1, 10);
        await BreakAsync(proxy, client);
        await publisher.NumbersAsync("n", 11, 10);
        await publisher.FlushAsync();
        proxy.IsClosed = false;
        await client.ReachesAsync("connected");
        List<Message> replayed = await numbers.ReadAsync(10);
        Assert.Equal(Enumerable.Range(11, 10).Select(i => $"{i}"), replayed.Select(m => m.Payload));
        Assert.All(replayed, m => Assert.True(m.IsReplayed));
        await publisher.NumbersAsync("n", 21, 1);
        Message live = (await numbers.ReadAsync(1))[0];
        Assert.Equal(("21", false), (live.Payload, live.IsReplayed));
        Assert.DoesNotContain(await client.LogAsync(), e => (string)e["kind"]! == "gap");
    }

    [Theory]
    [EachLanguage]
    public async Task S32_what_was_missed_is_told(string language)
    {
        await using DaemonProcess daemon = await Daemon.StartAsync(_folder, "a", "--recovery-events=0");
        await using var proxy = new Proxy(daemon.Socket);
        await using Agent agent = Agent.Start(language);
        ClientHandle publisher = await agent.NewAsync(daemon.Address, null, "publisher");
        ClientHandle client = await agent.NewAsync(proxy.Address, ConnectionScenarios.Quick());
        SubscriptionHandle numbers = await client.SubscribeAsync("#");
        await publisher.NumbersAsync("n", 1, 10);
        await numbers.ReadNumbersAsync(1, 10);
        await BreakAsync(proxy, client);
        await publisher.NumbersAsync("n", 11, 10);
        await publisher.FlushAsync();
        proxy.IsClosed = false;
        await client.ReachesAsync("connected");
        await publisher.NumbersAsync("n", 21, 1);
        Assert.Equal("21", (await numbers.ReadAsync(1))[0].Payload);
        await client.ToldAsync("the gap was told", log => log.Any(e => (string)e["kind"]! == "gap"));
        IReadOnlyList<JsonObject> log = await client.LogAsync();
        Assert.Equal(10, ClientHandle.Told(log, "gap", "missed"));
        JsonObject gap = log.First(e => (string)e["kind"]! == "gap");
        Assert.Equal(("11", "20", "a"), ((string?)gap["from"], (string?)gap["to"], (string?)gap["node"]));
    }

    [Theory]
    [EachLanguage]
    public async Task S33_broken_again_and_again(string language)
    {
        await using DaemonProcess daemon = await Daemon.StartAsync(_folder, "a", "--recovery-events=1000");
        await using var proxy = new Proxy(daemon.Socket);
        await using Agent agent = Agent.Start(language);
        ClientHandle publisher = await agent.NewAsync(daemon.Address, null, "publisher");
        ClientHandle client = await agent.NewAsync(proxy.Address, ConnectionScenarios.Quick());
        SubscriptionHandle numbers = await client.SubscribeAsync("n");
        for (int round = 0; round < 8; round++)
        {
            // Fewer than a ring holds, so that all of them come however long the client is away.
            Task publishing = publisher.NumbersAsync("n", 1 + (round * 800), 800, 100);
            proxy.Break();
            await publishing;
            await numbers.ReadNumbersAsync(1 + (round * 800), 800);
        }

        Assert.DoesNotContain(await client.LogAsync(), e => (string)e["kind"]! == "gap");
    }

    [Theory]
    [EachLanguage]
    public async Task S34_another_daemon_of_the_list_takes_over(string language)
    {
        await using DaemonProcess first = await Daemon.StartAsync(_folder, "a");
        await using DaemonProcess second = await Daemon.StartAsync(_folder, "b");
        await using Agent agent = Agent.Start(language);
        ClientHandle client = await agent.NewAsync(
            $"{first.Address},{second.Address}", ConnectionScenarios.Quick());
        SubscriptionHandle subscription = await client.SubscribeAsync("t");
        await first.KillAsync();
        ClientHandle other = await agent.NewAsync(second.Address, null, "other");
        await Eventually.TrueAsync(
            "the subscription is at the second daemon", () => other.AcknowledgedAsync("t", "x"), a => a.Local == 1);
        Assert.Equal("x", (await subscription.ReadAsync(1))[0].Payload);
    }

    [Theory]
    [EachLanguage]
    public async Task S35_request_and_reply_across_nodes(string language)
    {
        int[] ports = FreePorts.Udp(2);
        await using DaemonProcess a = await Daemon.StartAsync(
            _folder, "a", $"--mesh-port={ports[0]}", $"--peers=127.0.0.1:{ports[1]}");
        await using DaemonProcess b = await Daemon.StartAsync(
            _folder, "b", $"--mesh-port={ports[1]}", $"--peers=127.0.0.1:{ports[0]}");
        await a.LinkedToAsync("b");
        await using Agent agent = Agent.Start(language);
        ClientHandle service = await agent.NewAsync(b.Address, null, "service");
        await service.DoAsync("respond", new() { ["filter"] = "prices/*" });
        await a.KnowsInterestOfAsync("b");
        ClientHandle client = await agent.NewAsync(a.Address);
        for (int i = 0; i < 5; i++)
        {
            JsonObject answer = await client.DoAsync("request", Request("prices/apples", $"{i}"));
            Assert.Equal($"re:{i}", (string?)answer["message"]!["payload"]);
        }
    }

    [Theory]
    [EachLanguage]
    public async Task S36_requests_that_are_not_answered(string language)
    {
        await using DaemonProcess daemon = await Daemon.StartAsync(_folder, "a");
        await using Agent agent = Agent.Start(language);
        ClientHandle client = await agent.NewAsync(daemon.Address);
        Failure nobody = await client.FailAsync("request", Request("nobody/there", "x"));
        Assert.Equal("no_responder", nobody.Kind);
        Assert.Contains("nobody/there", nobody.Text, StringComparison.Ordinal);
        await client.SubscribeAsync("silent");
        JsonObject request = Request("silent", "x");
        request["timeout_ms"] = 100;
        Assert.Equal("timeout", (await client.FailAsync("request", request)).Kind);
    }

    [Theory]
    [EachLanguage]
    public async Task S37_query(string language)
    {
        await using DaemonProcess daemon = await Daemon.StartAsync(_folder, "a");
        await using Agent agent = Agent.Start(language);
        ClientHandle client = await agent.NewAsync(daemon.Address, new() { ["name"] = "conformance-37" });
        JsonObject answer = await client.DoAsync("query", new() { ["what"] = "clients" });
        Assert.Contains("conformance-37", (string?)answer["json"], StringComparison.Ordinal);
        Failure failure = await client.FailAsync("query", new() { ["what"] = "weather" });
        Assert.Equal(("query", 21), (failure.Kind, failure.Code));
    }

    private static JsonObject Request(string topic, string payload) => new()
    {
        ["topic"] = topic, ["payload"] = payload, ["timeout_ms"] = 20_000,
    };

    private static async Task BreakAsync(Proxy proxy, ClientHandle client)
    {
        proxy.IsClosed = true;
        proxy.Break();
        await client.ReachesAsync("reconnecting");
    }
}
