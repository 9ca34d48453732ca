using System.Text.Json;
using System.Text.Json.Nodes;
using NexusD.Conformance.Tests.Driver;

namespace NexusD.Conformance.Tests;

/// <summary>Scenarios 38 to 44: subscriptions that outlive their connection or their process.</summary>
public sealed class KeepScenarios : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [EachLanguage(Part = "keep")]
    public async Task S38_kept_over_cuts(string language)
    {
        await using DaemonProcess daemon = await Daemon.StartAsync(_folder, "a", "--recovery-events=0");
        await using var proxy = new Proxy(daemon.Socket);
        await using Agent agent = Agent.Start(language);
        ClientHandle publisher = await agent.NewAsync(daemon.Address, null, "publisher");
        ClientHandle client = await agent.NewAsync(proxy.Address, ConnectionScenarios.Quick());
        SubscriptionHandle numbers = await client.SubscribeAsync("n", Kept());
        for (int round = 0; round < 8; round++)
        {
            Task publishing = publisher.NumbersAsync("n", 1 + (round * 800), 800, 100);
            proxy.Break();
            await publishing;
            await numbers.ReadNumbersAsync(1 + (round * 800), 800);
        }

        Assert.Empty(Losses(await client.LogAsync()));
    }

    [Theory]
    [EachLanguage(Part = "keep")]
    public async Task S39_what_was_on_its_way_comes_again_once(string language)
    {
        await using DaemonProcess daemon = await Daemon.StartAsync(_folder, "a", "--recovery-events=0");
        await using var proxy = new Proxy(daemon.Socket);
        await using Agent agent = Agent.Start(language);
        ClientHandle publisher = await agent.NewAsync(daemon.Address, null, "publisher");
        ClientHandle client = await agent.NewAsync(proxy.Address, ConnectionScenarios.Quick());
        JsonObject options = Kept();
        options["receive_buffer_bytes"] = 65_536;
        SubscriptionHandle numbers = await client.SubscribeAsync("n", options);

        // What the daemon sends now is lost on the way, and the client cannot know it.
        proxy.IsMute = true;
        await publisher.NumbersAsync("n", 1, 2_000, 1_000);
        await publisher.FlushAsync();
        await Eventually.TrueAsync(
            "something is on its way",
            () => daemon.JsonAsync("clients"),
            clients => Subscriptions(clients).Any(s => Number(s, "unconfirmed") > 0));
        await BreakAsync(proxy, client);
        proxy.IsMute = false;
        await publisher.NumbersAsync("n", 2_001, 2_000, 1_000);
        await publisher.FlushAsync();
        proxy.IsClosed = false;

        JsonObject got = await numbers.TakeNumbersAsync(4_000, 30_000);
        Assert.Equal(
            (4_000, 1L, 4_000L, true, 0),
            ((int)got["count"]!, (long)got["first"]!, (long)got["last"]!, (bool)got["ordered"]!,
                (int)got["duplicates"]!));
        Assert.True((int)got["replayed"]! > 0, "nothing was marked as sent before");
        Assert.Empty(Losses(await client.LogAsync()));
    }

    [Theory]
    [EachLanguage(Part = "keep")]
    public async Task S40_what_does_not_fit_meanwhile_is_told(string language)
    {
        await using DaemonProcess daemon = await Daemon.StartAsync(_folder, "a", "--recovery-events=0");
        await using var proxy = new Proxy(daemon.Socket);
        await using Agent agent = Agent.Start(language);
        ClientHandle publisher = await agent.NewAsync(daemon.Address, null, "publisher");
        ClientHandle client = await agent.NewAsync(proxy.Address, ConnectionScenarios.Quick());
        JsonObject options = Kept();
        options["queue_events"] = 100;
        SubscriptionHandle numbers = await client.SubscribeAsync("n", options);
        await BreakAsync(proxy, client);
        await publisher.NumbersAsync("n", 1, 1_000);
        await publisher.FlushAsync();
        proxy.IsClosed = false;

        long got = 0;
        long last = 0;
        while (last != 1_000)
        {
            JsonObject part = await numbers.TakeNumbersAsync(1, 30_000);
            Assert.Equal(1, (int)part["count"]!);
            Assert.True((long)part["last"]! > last, "out of order");
            last = (long)part["last"]!;
            got++;
        }

        Assert.Equal(1_000, got + ClientHandle.Told(await client.LogAsync(), "gap", "queue_full"));
    }

    [Theory]
    [EachLanguage(Part = "keep")]
    public async Task S41_another_process_succeeds_one_that_was_killed(string language)
    {
        await using DaemonProcess daemon = await Daemon.StartAsync(_folder, "a", "--recovery-events=0");
        await using Agent other = Agent.Start(language);
        ClientHandle publisher = await other.NewAsync(daemon.Address, null, "publisher");
        string? token;
        await using (Agent agent = Agent.Start(language))
        {
            ClientHandle client = await agent.NewAsync(daemon.Address);
            SubscriptionHandle numbers = await client.SubscribeAsync("n", Kept());
            token = await numbers.TokenAsync();
            await publisher.NumbersAsync("n", 1, 1_000, 1_000);
            await numbers.ReadNumbersAsync(1, 500);
            await agent.KillAsync();
        }

        await publisher.NumbersAsync("n", 1_001, 500, 1_000);
        await publisher.FlushAsync();
        await using Agent successor = Agent.Start(language);
        ClientHandle next = await successor.NewAsync(daemon.Address);
        SubscriptionHandle rest = await next.SubscribeAsync("n", Kept(token: token));
        Assert.Equal(token, await rest.TokenAsync());
        Message first = (await rest.ReadAsync(1))[0];
        int at = Number(first);
        Assert.InRange(at, 1, 501);
        Assert.True(at == 501 || first.IsReplayed, $"{at} came again and was not marked");
        List<Message> came = await rest.ReadAsync(1_500 - at);
        Assert.Equal(Enumerable.Range(at + 1, 1_500 - at), came.Select(Number));
        Assert.All(came.Where(m => Number(m) <= 500), m => Assert.True(m.IsReplayed, $"{m.Payload}"));
        Assert.All(came.Where(m => Number(m) > 1_000), m => Assert.False(m.IsReplayed, $"{m.Payload}"));
        Assert.Empty(Losses(await next.LogAsync()));
    }

    [Theory]
    [EachLanguage(Part = "keep")]
    public async Task S42_kept_for_too_short_a_time(string language)
    {
        await using DaemonProcess daemon = await Daemon.StartAsync(_folder, "a", "--recovery-events=100");
        await using var proxy = new Proxy(daemon.Socket);
        await using Agent agent = Agent.Start(language);
        ClientHandle publisher = await agent.NewAsync(daemon.Address, null, "publisher");
        ClientHandle client = await agent.NewAsync(proxy.Address, ConnectionScenarios.Quick());
        SubscriptionHandle numbers = await client.SubscribeAsync("n", Kept(200));
        string? token = await numbers.TokenAsync();
        await publisher.NumbersAsync("n", 1, 10);
        await numbers.ReadNumbersAsync(1, 10);
        await BreakAsync(proxy, client);
        await Eventually.TrueAsync(
            "the daemon has given the subscription up",
            () => daemon.JsonAsync("clients"),
            clients => !Subscriptions(clients).Any());
        await publisher.NumbersAsync("n", 11, 10);
        await publisher.FlushAsync();
        proxy.IsClosed = false;
        await client.ToldAsync("it was told", log => log.Any(e => (int?)e["code"] == 26));

        List<Message> replayed = await numbers.ReadAsync(10);
        Assert.Equal(Enumerable.Range(11, 10), replayed.Select(Number));
        Assert.All(replayed, m => Assert.True(m.IsReplayed));
        await publisher.NumbersAsync("n", 21, 1);
        Message live = (await numbers.ReadAsync(1))[0];
        Assert.Equal((21, false), (Number(live), live.IsReplayed));
        Assert.NotEqual(token, await numbers.TokenAsync());
    }

    [Theory]
    [EachLanguage(Part = "keep")]
    public async Task S43_tokens_that_do_not_fit(string language)
    {
        await using DaemonProcess daemon = await Daemon.StartAsync(_folder, "a");
        await using Agent agent = Agent.Start(language);
        ClientHandle client = await agent.NewAsync(daemon.Address);
        await client.AcknowledgedAsync("r", "kept", new() { ["retain"] = true });

        SubscriptionHandle unknown = await client.SubscribeAsync(
            "r", Kept(token: "00112233445566778899aabbccddeeff"));
        Message retained = (await unknown.ReadAsync(1))[0];
        Assert.Equal(("kept", true), (retained.Payload, retained.IsRetained));
        await client.ToldAsync("it was told", log => log.Any(e => (int?)e["code"] == 26));

        Failure none = await client.FailAsync("subscribe", client.SubscribeCommand("bad", ["r"], Kept(token: "xyz")));
        Assert.Equal("argument", none.Kind);
        Failure other = await client.FailAsync(
            "subscribe", client.SubscribeCommand("bad", ["r", "s"], Kept(token: await unknown.TokenAsync())));
        Assert.Equal(("subscribe", 7), (other.Kind, other.Code));
        await client.PublishAsync("r", "live");
        Assert.Equal("live", (await unknown.ReadAsync(1))[0].Payload);
    }

    [Theory]
    [EachLanguage(Part = "keep")]
    public async Task S44_another_process_takes_a_live_one_over(string language)
    {
        await using DaemonProcess daemon = await Daemon.StartAsync(_folder, "a", "--recovery-events=0");
        await using Agent agent = Agent.Start(language);
        ClientHandle client = await agent.NewAsync(daemon.Address, ConnectionScenarios.Quick());
        SubscriptionHandle numbers = await client.SubscribeAsync("n", Kept());
        await client.NumbersAsync("n", 1, 10);
        await numbers.ReadNumbersAsync(1, 10);
        (long _, Task<JsonObject> waiting) = numbers.BeginRead(1);
        await Eventually.TrueAsync(
            "the 10 are confirmed",
            () => daemon.JsonAsync("clients"),
            clients => Subscriptions(clients).All(s => Number(s, "unconfirmed") == 0));

        await using Agent successor = Agent.Start(language);
        ClientHandle next = await successor.NewAsync(daemon.Address);
        SubscriptionHandle rest = await next.SubscribeAsync("n", Kept(token: await numbers.TokenAsync()));
        await client.NumbersAsync("n", 11, 10);
        await rest.ReadNumbersAsync(11, 10);
        Failure ended = Failure.Read(await waiting);
        Assert.Equal(("subscribe", 27), (ended.Kind, ended.Code));
        Assert.Equal("connected", await client.StateAsync());
    }

    /// <summary>Options of a subscription that is to be kept.</summary>
    internal static JsonObject Kept(int milliseconds = 60_000, string? token = null)
    {
        var options = new JsonObject { ["keep_ms"] = milliseconds };
        if (token is not null)
        {
            options["token"] = token;
        }

        return options;
    }

    /// <summary>What the callbacks told that must not have happened: gaps and notices.</summary>
    internal static IEnumerable<string> Losses(IEnumerable<JsonObject> log) => log
        .Where(e => (string)e["kind"]! is "gap" or "notice").Select(e => e.ToJsonString());

    internal static IEnumerable<JsonElement> Subscriptions(JsonElement clients) => clients.EnumerateArray()
        .Where(c => c.TryGetProperty("subscription_list", out JsonElement list) && list.GetArrayLength() > 0)
        .SelectMany(c => c.GetProperty("subscription_list").EnumerateArray());

    internal static async Task BreakAsync(Proxy proxy, ClientHandle client)
    {
        proxy.IsClosed = true;
        proxy.Break();
        await client.ReachesAsync("reconnecting");
    }

    internal static int Number(Message message) => int.Parse(message.Payload!.Trim(), null);

    private static long Number(JsonElement subscription, string member) =>
        subscription.TryGetProperty(member, out JsonElement value) && value.ValueKind == JsonValueKind.Number
            ? value.GetInt64()
            : 0;
}
