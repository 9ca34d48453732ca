using System.Text.Json;
using System.Text.Json.Nodes;
using NexusD.Conformance.Tests.Driver;

namespace NexusD.Conformance.Tests;

/// <summary>Scenarios 45 to 50: subscriptions that wait because they were asked to, and how kept ones end.</summary>
public sealed class PauseScenarios : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [EachLanguage(Part = "keep")]
    public async Task S45_pause_and_resume(string language)
    {
        await using DaemonProcess daemon = await Daemon.StartAsync(_folder, "a");
        await using Agent agent = Agent.Start(language);
        ClientHandle client = await agent.NewAsync(daemon.Address);
        SubscriptionHandle numbers = await client.SubscribeAsync("n", KeepScenarios.Kept());
        await numbers.PauseAsync();
        await client.NumbersAsync("n", 1, 10);
        await client.FlushAsync();
        await numbers.IsSilentAsync();
        await numbers.ResumeAsync();
        List<Message> came = await numbers.ReadAsync(10);
        Assert.Equal(Enumerable.Range(1, 10), came.Select(KeepScenarios.Number));
        Assert.All(came, m => Assert.False(m.IsReplayed));
        await client.NumbersAsync("n", 11, 10);
        await numbers.ReadNumbersAsync(11, 10);
    }

    [Theory]
    [EachLanguage(Part = "keep")]
    public async Task S46_a_pause_outlives_the_connection(string language)
    {
        await using DaemonProcess daemon = await Daemon.StartAsync(_folder, "a", "--recovery-events=0");
        await using var proxy = new Proxy(daemon.Socket);
        await using Agent agent = Agent.Start(language);
        ClientHandle publisher = await agent.NewAsync(daemon.Address, null, "publisher");
        ClientHandle client = await agent.NewAsync(proxy.Address, ConnectionScenarios.Quick());
        SubscriptionHandle numbers = await client.SubscribeAsync("n", KeepScenarios.Kept());
        await numbers.PauseAsync();
        await KeepScenarios.BreakAsync(proxy, client);
        await publisher.NumbersAsync("n", 1, 10);
        await publisher.FlushAsync();
        proxy.IsClosed = false;
        await Eventually.TrueAsync("it is paused again", () => daemon.JsonAsync("clients"), IsPaused);
        await publisher.NumbersAsync("n", 11, 10);
        await publisher.FlushAsync();
        await numbers.IsSilentAsync();
        await numbers.ResumeAsync();
        await numbers.ReadNumbersAsync(1, 20);
        Assert.Empty(KeepScenarios.Losses(await client.LogAsync()));
    }

    [Theory]
    [EachLanguage(Part = "keep")]
    public async Task S47_paused_for_too_long(string language)
    {
        await using DaemonProcess daemon = await Daemon.StartAsync(_folder, "a");
        await using Agent agent = Agent.Start(language);
        ClientHandle client = await agent.NewAsync(daemon.Address);
        SubscriptionHandle numbers = await client.SubscribeAsync("n", KeepScenarios.Kept());
        await client.NumbersAsync("n", 1, 10);
        await numbers.ReadNumbersAsync(1, 10);
        await numbers.PauseAsync(100);
        Failure ended = await numbers.FailAsync("read", numbers.ReadCommand(1));
        Assert.Equal(("subscribe", 26), (ended.Kind, ended.Code));
        Assert.Equal((0, 0), await client.AcknowledgedAsync("n", "11"));
    }

    [Theory]
    [EachLanguage(Part = "keep")]
    public async Task S48_a_paused_one_is_left_for_its_successor(string language)
    {
        await using DaemonProcess daemon = await Daemon.StartAsync(_folder, "a", "--recovery-events=0");
        await using Agent other = Agent.Start(language);
        ClientHandle publisher = await other.NewAsync(daemon.Address, null, "publisher");
        await publisher.AcknowledgedAsync("n", "0", new() { ["retain"] = true });
        string? token;
        await using (Agent agent = Agent.Start(language))
        {
            ClientHandle client = await agent.NewAsync(daemon.Address);
            SubscriptionHandle numbers = await client.SubscribeAsync("n", KeepScenarios.Kept());
            token = await numbers.TokenAsync();
            Assert.True((await numbers.ReadAsync(1))[0].IsRetained);
            await publisher.NumbersAsync("n", 1, 10);
            await numbers.ReadNumbersAsync(1, 10);
            (long _, Task<JsonObject> rest) = numbers.BeginRead(1);
            await Eventually.TrueAsync("all is confirmed", () => daemon.JsonAsync("clients"), IsConfirmed);
            await numbers.PauseAsync();
            await numbers.CloseAsync();
            JsonObject ended = await rest;
            Assert.True((bool?)ended["ended"] == true || ended["error"] is not null, ended.ToJsonString());
            await publisher.NumbersAsync("n", 11, 10);
            await publisher.FlushAsync();

            SubscriptionHandle second = await client.SubscribeAsync("n", KeepScenarios.Kept(token: token));
            await second.ReadNumbersAsync(11, 10);
            (long _, Task<JsonObject> _) = second.BeginRead(1);
            await Eventually.TrueAsync("all is confirmed", () => daemon.JsonAsync("clients"), IsConfirmed);
            await second.PauseAsync();
            Assert.Empty(KeepScenarios.Losses(await client.LogAsync()));
            await client.CloseAsync();
        }

        await publisher.NumbersAsync("n", 21, 10);
        await publisher.FlushAsync();
        await using Agent successor = Agent.Start(language);
        ClientHandle next = await successor.NewAsync(daemon.Address);
        SubscriptionHandle third = await next.SubscribeAsync("n", KeepScenarios.Kept(token: token));
        await third.ReadNumbersAsync(21, 10);
        Assert.Empty(KeepScenarios.Losses(await next.LogAsync()));
    }

    [Theory]
    [EachLanguage(Part = "keep")]
    public async Task S49_closing_ends_what_is_not_paused(string language)
    {
        await using DaemonProcess daemon = await Daemon.StartAsync(_folder, "a");
        await using Agent agent = Agent.Start(language);
        ClientHandle first = await agent.NewAsync(daemon.Address, null, "first");
        SubscriptionHandle closed = await first.SubscribeAsync("n", KeepScenarios.Kept());
        SubscriptionHandle left = await first.SubscribeAsync("n", KeepScenarios.Kept());
        string?[] tokens = [await closed.TokenAsync(), await left.TokenAsync()];
        Assert.NotEqual(tokens[0], tokens[1]);
        await left.CloseAsync();
        await first.CloseAsync();

        ClientHandle client = await agent.NewAsync(daemon.Address);
        for (int i = 0; i < tokens.Length; i++)
        {
            await client.SubscribeAsync("n", KeepScenarios.Kept(token: tokens[i]));
            await client.ToldAsync("it was over", log => log.Count(e => (int?)e["code"] == 26) == i + 1);
        }
    }

    [Theory]
    [EachLanguage(Part = "keep")]
    public async Task S50_where_nothing_is_kept(string language)
    {
        await using DaemonProcess daemon = await Daemon.StartAsync(_folder, "a", "--keep-limit=0");
        await using Agent agent = Agent.Start(language);
        ClientHandle client = await agent.NewAsync(daemon.Address);
        SubscriptionHandle refused = await client.SubscribeAsync("n", KeepScenarios.Kept());
        Assert.Null(await refused.TokenAsync());
        Failure failure = await refused.FailAsync("pause", refused.PauseCommand());
        Assert.Equal(("subscribe", 12), (failure.Kind, failure.Code));
        await client.NumbersAsync("n", 1, 10);
        await refused.ReadNumbersAsync(1, 10);
        await refused.CloseAsync();
        await Eventually.TrueAsync("it is left", () => client.AcknowledgedAsync("n", "11"), a => a.Local == 0);

        SubscriptionHandle plain = await client.SubscribeAsync("n");
        Assert.Null(await plain.TokenAsync());
        Assert.Equal("argument", (await plain.FailAsync("pause", plain.PauseCommand())).Kind);
    }

    private static bool IsPaused(JsonElement clients) =>
        clients.EnumerateArray().All(c => c.GetProperty("state").GetString() == "connected")
        && KeepScenarios.Subscriptions(clients).Any(s => s.GetProperty("state").GetString() == "paused");

    private static bool IsConfirmed(JsonElement clients) => KeepScenarios.Subscriptions(clients)
        .All(s => !s.TryGetProperty("unconfirmed", out JsonElement left) || left.ToString() is "0" or "");
}
