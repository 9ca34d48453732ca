using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using NexusD.Conformance.Tests.Driver;

namespace NexusD.Conformance.Tests;

/// <summary>Scenarios 1 to 9: addresses, the first connection, states, the end.</summary>
public sealed class ConnectionScenarios : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [EachLanguage]
    public async Task S01_lazy(string language)
    {
        await using Agent agent = Agent.Start(language);
        ClientHandle client = await agent.NewAsync($"unix:{_folder.File("a.sock")}", Quick());
        Assert.Equal("idle", await client.StateAsync());
        (long _, Task<JsonObject> publish) = client.Begin(
            "publish", new() { ["topic"] = "a", ["payload"] = "1", ["ack"] = true });
        await client.ReachesAsync("reconnecting");
        await using DaemonProcess daemon = await Daemon.StartAsync(_folder, "a");
        Assert.True((bool?)(await publish)["ok"], (await publish).ToJsonString());
        Assert.Equal("connected", await client.StateAsync());
    }

    [Theory]
    [EachLanguage]
    public async Task S02_address_from_the_environment(string language)
    {
        await using DaemonProcess daemon = await Daemon.StartAsync(_folder, "a");
        await using Agent agent = Agent.Start(language, new Dictionary<string, string>
        {
            ["NEXUSD_ADDR"] = daemon.Address,
        });
        ClientHandle client = await agent.NewAsync(null);
        await client.WaitReadyAsync();
        Assert.Equal((0, 0), await client.AcknowledgedAsync("a", "1"));
    }

    [Theory]
    [EachLanguage]
    public async Task S03_addresses_of_every_form(string language)
    {
        await using DaemonProcess daemon = await Daemon.StartAsync(_folder, "a", "--app-port=0");
        await using Agent agent = Agent.Start(language);
        string[] good =
        [
            daemon.Socket, daemon.Address, $"127.0.0.1:{daemon.AppPort}", $"localhost:{daemon.AppPort}",
            $"unix:{_folder.File("none.sock")},{daemon.Address}",
        ];
        foreach (string address in good)
        {
            ClientHandle client = await agent.NewAsync(address, null, address);
            await client.WaitReadyAsync();
        }

        foreach (string address in new[] { "", "host:notaport", "localhost:70000", "unix:", "a b:1" })
        {
            Failure failure = await agent.FailAsync("new", new() { ["client"] = "bad", ["address"] = address });
            Assert.Equal("argument", failure.Kind);
        }
    }

    [Theory]
    [EachLanguage]
    public async Task S04_nothing_there(string language)
    {
        await using Agent agent = Agent.Start(language);
        ClientHandle client = await agent.NewAsync($"unix:{_folder.File("a.sock")}", Quick());
        Failure failure = await client.FailAsync("wait_ready", new() { ["timeout_ms"] = 300 });
        Assert.Equal("connection", failure.Kind);
        Assert.Contains("a.sock", failure.Text, StringComparison.Ordinal);
        Assert.Contains("nexusd", failure.Text, StringComparison.Ordinal);
    }

    [Theory]
    [EachLanguage]
    public async Task S05_another_program_at_the_port(string language)
    {
        using var server = new TcpListener(IPAddress.Loopback, 0);
        server.Start();
        using var stop = new CancellationTokenSource();
        Task serving = ServeHttpAsync(server, stop.Token);
        await using (Agent agent = Agent.Start(language))
        {
            ClientHandle client = await agent.NewAsync($"127.0.0.1:{((IPEndPoint)server.LocalEndpoint).Port}");
            // The time-out is longer than the driver's patience: waiting has to end by itself.
            Failure failure = await client.FailAsync("wait_ready", new() { ["timeout_ms"] = 600_000 });
            Assert.Equal("connection", failure.Kind);
            Assert.Contains("HTTP", failure.Text, StringComparison.Ordinal);
        }

        await stop.CancelAsync();
        await serving;
    }

    [Theory]
    [EachLanguage]
    public async Task S06_states_through_a_restart(string language)
    {
        await using Agent agent = Agent.Start(language);
        DaemonProcess daemon = await Daemon.StartAsync(_folder, "a");
        ClientHandle client = await agent.NewAsync(daemon.Address, Quick());
        await client.WaitReadyAsync();
        await daemon.KillAsync();
        await client.ReachesAsync("reconnecting");
        await daemon.DisposeAsync();
        await using DaemonProcess again = await Daemon.StartAsync(_folder, "a");
        await client.ReachesAsync("connected");
        await client.CloseAsync();
        await client.ToldAsync("all steps were told, in order", log => HasSteps(
            log, "connecting", "connected", "reconnecting", "connected", "closed"));
    }

    [Theory]
    [EachLanguage]
    public async Task S07_a_silent_daemon_is_left(string language)
    {
        await using DaemonProcess daemon = await Daemon.StartAsync(_folder, "a");
        await using Agent agent = Agent.Start(language);
        JsonObject options = Quick();
        options["keep_alive_ms"] = 100;
        ClientHandle client = await agent.NewAsync(daemon.Address, options);
        await client.WaitReadyAsync();
        daemon.Signal(19);
        await client.ReachesAsync("reconnecting");
        daemon.Signal(18);
        await client.ReachesAsync("connected");
    }

    [Theory]
    [EachLanguage]
    public async Task S08_the_daemon_leaves_in_order(string language)
    {
        await using Agent agent = Agent.Start(language);
        DaemonProcess daemon = await Daemon.StartAsync(_folder, "a");
        ClientHandle client = await agent.NewAsync(daemon.Address, Quick());
        await client.WaitReadyAsync();
        daemon.Signal(15);
        await client.ToldAsync("GOAWAY was told", log => log.Any(e => (int?)e["code"] == 19));
        await client.CloseAsync();
        Assert.Equal(0, (await daemon.WaitForExitAsync()).ExitCode);
        await daemon.DisposeAsync();
    }

    [Theory]
    [EachLanguage]
    public async Task S09_close(string language)
    {
        await using DaemonProcess daemon = await Daemon.StartAsync(_folder, "a");
        await using Agent agent = Agent.Start(language);
        ClientHandle other = await agent.NewAsync(daemon.Address, null, "other");
        SubscriptionHandle seen = await other.SubscribeAsync("n");
        ClientHandle client = await agent.NewAsync(daemon.Address);
        SubscriptionHandle waiting = await client.SubscribeAsync("never");
        (long _, Task<JsonObject> read) = waiting.BeginRead(1);
        await client.NumbersAsync("n", 1, 5_000);
        await client.CloseAsync();
        await seen.ReadNumbersAsync(1, 5_000);
        JsonObject ended = await read;
        Assert.True((bool?)ended["ended"] == true || (string?)ended["error"] == "closed", ended.ToJsonString());
        Failure failure = await client.FailAsync("publish", new() { ["topic"] = "a", ["payload"] = "1" });
        Assert.Equal("closed", failure.Kind);
        Assert.Equal("closed", await client.StateAsync());
        await client.CloseAsync();
    }

    /// <summary>Options of a client that comes back at once.</summary>
    internal static JsonObject Quick() => new()
    {
        ["reconnect_min_ms"] = 5, ["reconnect_max_ms"] = 20,
    };

    private static bool HasSteps(IEnumerable<JsonObject> log, params string[] steps)
    {
        int at = 0;
        foreach (JsonObject entry in log.Where(e => (string)e["kind"]! == "state"))
        {
            at += at < steps.Length && (string)entry["state"]! == steps[at] ? 1 : 0;
        }

        return at == steps.Length;
    }

    private static async Task ServeHttpAsync(TcpListener server, CancellationToken stop)
    {
        try
        {
            while (true)
            {
                using TcpClient client = await server.AcceptTcpClientAsync(stop);
                await client.GetStream().WriteAsync("HTTP/1.1 400 Bad Request\r\n\r\n"u8.ToArray(), stop);
            }
        }
        catch (OperationCanceledException)
        {
        }
    }
}
