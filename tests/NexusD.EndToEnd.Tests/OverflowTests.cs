using System.Text.Json;
using NexusD.EndToEnd.Tests.Harness;

namespace NexusD.EndToEnd.Tests;

/// <summary>A subscriber that stands still, with each overflow policy: what is lost, who is told, who waits.</summary>
public sealed class OverflowTests
{
    private const int Stop = 19;
    private const int Continue = 18;
    private const int Events = 3_000;

    /// <summary>Large enough that sockets and client hold little of the flow.</summary>
    private static readonly string _filler = new('x', 10_000);

    [Theory]
    [InlineData("drop-oldest")]
    [InlineData("drop-newest")]
    [InlineData("conflate")]
    public async Task A_stuck_reader_loses_by_its_policy_and_the_account_is_exact(string policy)
    {
        using var folder = new TempFolder();
        await using DaemonProcess node = await StartAsync(folder);
        await using RunningProcess reader = node.Ctl(
            "sub", "load/#", "end", "--json", "--overflow", policy, "--queue-events", "100");
        await OpenAsync(node);
        reader.Signal(Stop);
        await using RunningProcess publisher = node.Ctl("pub", "load/a", "--lines");
        await WriteAsync(publisher, Events);
        (int code, _) = await publisher.WaitForExitAsync();
        Assert.Equal(0, code);
        string reason = policy == "conflate" ? "conflated" : "queue_full";
        JsonElement stuck = await AccountAsync(node);
        long dropped = stuck.GetProperty("dropped").GetProperty(reason).GetInt64();
        Assert.InRange(dropped, 100, Events);
        Assert.Equal(policy == "conflate" ? 1 : 100, stuck.GetProperty("queued").GetInt32());

        // The publisher hears of losses, but not of what the subscriber wanted to be replaced.
        Assert.Equal(
            policy != "conflate", publisher.Errors.Contains("queue_full", StringComparison.Ordinal));
        reader.Signal(Continue);
        await AccountAsync(node, queued: 0);
        await node.CtlAsync("pub", "end", "end", "--ack");
        List<Received> got = await Received.UntilAsync(reader, (r, _) => r.Topic == "end");
        int[] numbers = [.. got.Where(r => r.Topic != "end").Select(r => int.Parse(r.Payload.Split(' ')[0]))];
        Assert.Equal(numbers.Order(), numbers);
        Assert.Equal(Events, numbers.Length + dropped);
        Assert.Equal(policy != "drop-newest", numbers[^1] == Events - 1);
    }

    [Fact]
    public async Task A_blocked_publisher_waits_alone_until_the_reader_goes_on_and_nothing_is_lost()
    {
        using var folder = new TempFolder();
        await using DaemonProcess node = await StartAsync(folder);
        await using RunningProcess reader = node.Ctl(
            "sub", "load/a", "--json", "--overflow", "block", "--block-timeout", "5m", "--queue-events", "100");
        await using RunningProcess other = node.Ctl("sub", "other", "--json");
        await OpenAsync(node, 2);
        reader.Signal(Stop);
        await using RunningProcess publisher = node.Ctl("pub", "load/a", "--lines");
        Task writing = WriteAsync(publisher, Events);
        await HeldAsync(node, isHeld: true);

        // Other publishers and other subscribers do not notice.
        await node.CtlAsync("pub", "other", "hello", "--ack");
        Assert.Single(await Received.UntilAsync(other, (_, _) => true));

        reader.Signal(Continue);
        List<Received> got = await Received.UntilAsync(reader, (_, n) => n == Events);
        await writing;
        (int code, _) = await publisher.WaitForExitAsync();
        Assert.Equal((0, false), (code, publisher.Errors.Contains("warning", StringComparison.Ordinal)));
        Assert.Equal(Enumerable.Range(0, Events), got.Select(r => int.Parse(r.Payload.Split(' ')[0])));
        await HeldAsync(node, isHeld: false);
    }

    [Fact]
    public async Task A_block_that_lasts_too_long_ends_in_a_loss_that_both_sides_are_told()
    {
        using var folder = new TempFolder();
        await using DaemonProcess node = await StartAsync(folder, "--overflow=block", "--block-timeout=20ms");
        await using RunningProcess reader = node.Ctl("sub", "load/a", "--json", "--queue-events", "100");
        await OpenAsync(node);
        reader.Signal(Stop);
        const int events = 700;
        await using RunningProcess publisher = node.Ctl("pub", "load/a", "--lines");
        await WriteAsync(publisher, events);
        (int code, _) = await publisher.WaitForExitAsync();
        Assert.Equal(0, code);
        Assert.Contains("block_timeout", publisher.Errors, StringComparison.Ordinal);
        JsonElement stuck = await AccountAsync(node);
        long dropped = stuck.GetProperty("dropped").GetProperty("block_timeout").GetInt64();
        reader.Signal(Continue);
        List<Received> got = await Received.UntilAsync(reader, (_, n) => n == events - dropped);
        Assert.Equal(got.Select(r => r.Number).Order(), got.Select(r => r.Number));
        await Eventually.TrueAsync(
            "the reader is told",
            () => Task.FromResult(reader.Errors),
            errors => errors.Contains("block_timeout", StringComparison.Ordinal));
    }

    [Fact]
    public async Task High_priority_overtakes_what_waits()
    {
        using var folder = new TempFolder();
        await using DaemonProcess node = await StartAsync(folder);
        await using RunningProcess reader = node.Ctl("sub", "load/a", "--json");
        await OpenAsync(node);
        reader.Signal(Stop);
        await using (RunningProcess publisher = node.Ctl("pub", "load/a", "--lines", "--priority", "low"))
        {
            await WriteAsync(publisher, Events);
            await publisher.WaitForExitAsync();
        }

        await node.CtlAsync("pub", "load/a", "100000 normal", "--ack");
        await node.CtlAsync("pub", "load/a", "200000 high", "--ack", "--priority", "high");
        reader.Signal(Continue);
        List<Received> got = await Received.UntilAsync(reader, (_, n) => n == Events + 2);
        int[] numbers = [.. got.Select(r => int.Parse(r.Payload.Split(' ')[0]))];
        int high = Array.IndexOf(numbers, 200_000);
        Assert.Equal(high + 1, Array.IndexOf(numbers, 100_000));
        Assert.InRange(high, 0, Events - 100);
        Assert.Equal(Enumerable.Range(0, Events), numbers.Where(n => n < Events));
    }

    [Fact]
    public async Task An_event_that_expires_on_its_way_to_another_node_is_told_there()
    {
        await using ThreeNodes nodes = await ThreeNodes.ByPeersAsync();
        await using RunningProcess reader = nodes.N2.Ctl("sub", "load/a", "--json");
        await nodes.N1.KnowsInterestOfAsync("n2");
        nodes.N2.Signal(Stop);
        await nodes.N1.CtlAsync("pub", "load/a", "short", "--ack", "--ttl", "200ms");
        await nodes.N1.CtlAsync("pub", "load/a", "long", "--ack", "--ttl", "1h");
        await Task.Delay(300); // tidy: allow blocking-call - the time to live has to run out
        nodes.N2.Signal(Continue);
        List<Received> got = await Received.UntilAsync(reader, (_, _) => true);
        Assert.Equal("long", Assert.Single(got).Payload);
        await Eventually.TrueAsync(
            "the reader is told",
            () => Task.FromResult(reader.Errors),
            errors => errors.Contains("at n2: expired", StringComparison.Ordinal));
        JsonElement account = await AccountAsync(nodes.N2, queued: 0);
        Assert.Equal(1, account.GetProperty("dropped").GetProperty("expired").GetInt64());
    }

    [Fact]
    public async Task Small_events_go_on_beside_large_ones_of_a_stuck_reader()
    {
        await using ThreeNodes nodes = await ThreeNodes.ByPeersAsync();
        string file = Path.Combine(nodes.Folder.Path, "large");
        await File.WriteAllBytesAsync(file, new byte[4 << 20]);
        await using RunningProcess large = nodes.N2.Ctl("sub", "large", "--json", "--queue-bytes", "16M");
        await using RunningProcess small = nodes.N2.Ctl("sub", "small", "--json");
        await nodes.N1.KnowsInterestOfAsync("n2", 2);
        large.Signal(Stop);
        await using RunningProcess sender = nodes.N1.Ctl("pub", "small", "--lines");
        for (int n = 0; n < 8; n++)
        {
            await nodes.N1.CtlAsync("pub", "large", "--file", file);
            await sender.Input.WriteLineAsync($"{n}");
            await sender.Input.FlushAsync();
            Assert.Equal($"{n}", (await Received.UntilAsync(small, (_, _) => true))[^1].Payload);
        }

        large.Signal(Continue);
        sender.Input.Close();
        await sender.WaitForExitAsync();
    }

    private static Task<DaemonProcess> StartAsync(TempFolder folder, params string[] more) =>
        DaemonProcess.StartAsync(folder, "n1", ["--discovery=static", .. more]);

    private static Task OpenAsync(DaemonProcess node, int subscriptions = 1) => Eventually.TrueAsync(
        "the subscriptions are open",
        () => node.JsonAsync("clients"),
        clients => clients.EnumerateArray().Sum(c => c.GetProperty("subscriptions").GetInt32()) == subscriptions);

    private static Task HeldAsync(DaemonProcess node, bool isHeld) => Eventually.TrueAsync(
        isHeld ? "a publisher is held up" : "nobody is held up",
        () => node.JsonAsync("clients"),
        clients => clients.EnumerateArray().Any(c => c.GetProperty("held_up").GetBoolean()) == isHeld);

    /// <summary>The one subscription, once it holds so much; its sums must be those of everything published.</summary>
    private static async Task<JsonElement> AccountAsync(DaemonProcess node, int? queued = null)
    {
        JsonElement found = default;
        await Eventually.TrueAsync(
            "the account is settled",
            () => node.JsonAsync("clients"),
            clients =>
            {
                found = clients.EnumerateArray()
                    .SelectMany(c => c.GetProperty("subscription_list").EnumerateArray()).Single();
                return queued is null || found.GetProperty("queued").GetInt32() == queued;
            });
        long dropped = found.GetProperty("dropped").EnumerateObject().Sum(d => d.Value.GetInt64());
        Assert.Equal(
            found.GetProperty("matched").GetInt64(),
            found.GetProperty("delivered").GetInt64() + found.GetProperty("queued").GetInt64() + dropped);
        return found;
    }

    private static async Task WriteAsync(RunningProcess publisher, int lines)
    {
        for (int n = 0; n < lines; n++)
        {
            await publisher.Input.WriteLineAsync($"{n} {_filler}");
        }

        publisher.Input.Close();
    }
}
