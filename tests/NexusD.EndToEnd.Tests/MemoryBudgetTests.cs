using System.Globalization;
using System.Text.Json;
using NexusD.EndToEnd.Tests.Harness;
using NexusD.Protocol;
using Xunit.Abstractions;

namespace NexusD.EndToEnd.Tests;

/// <summary>
/// A daemon in a control group of 64 MiB gets ten times what its subscribers and a node that cannot be reached can
/// hold: it lives, stays within the limit, and every event is delivered or told as lost.
/// </summary>
/// <remarks>By count of rounds, 2,500 unless NEXUSD_MEMORY_ROUNDS says otherwise (100,000 take minutes).</remarks>
public sealed class MemoryBudgetTests(ITestOutputHelper output)
{
    private const long Limit = 64L << 20;
    private const int Stop = 19;
    private const int Continue = 18;
    private const int LoadPerRound = 100;
    private const int ManyPerRound = 20;
    private const int RetainedPerRound = 20;

    private static readonly int _rounds = int.Parse(
        Environment.GetEnvironmentVariable("NEXUSD_MEMORY_ROUNDS") ?? "2500", CultureInfo.InvariantCulture);

    private readonly byte[] _payload = new byte[1_000];
    private readonly byte[] _large = new byte[1 << 20];
    private long _load;
    private long _many;
    private long _largeEvents;
    private long _blocking;
    private long _retained;
    private long _peakOwn;
    private long _peakGroup;
    private long _peakUsed;

    [MemoryGroupFact]
    public async Task Ten_times_more_than_it_can_hold_is_delivered_or_told_within_the_limit()
    {
        using var group = MemoryGroup.Create(Limit);
        using var folder = new TempFolder();
        int[] ports = FreePorts.Udp(2);
        await using DaemonProcess node = await DaemonProcess.StartInAsync(
            group, folder, "tight", [.. Mesh(ports[0], ports[1]), "--metrics-enabled", "--metrics-port=0"]);
        await using DaemonProcess peer = await DaemonProcess.StartAsync(folder, "far", Mesh(ports[1], ports[0]));
        await node.LinkedToAsync("far");
        using var far = new WireClient(peer.Socket, "far");
        far.Subscribe("load/#");
        await node.KnowsInterestOfAsync("far");
        using var healthy = Subscriber(node, "healthy", "load/#");
        List<WireClient> slow = [.. Enumerable.Range(0, 3).Select(i => Subscriber(node, $"slow{i}", "load/#"))];
        List<WireClient> stuck = [.. Stuck(node)];
        using var many = Subscriber(node, "many", "many/#");
        using var large = Subscriber(node, "large", "large/#");
        using var blocking = Subscriber(node, "blocking", "block/#", OverflowPolicy.Block, 2);
        List<WireClient> ofLoad = [far, healthy, .. slow, .. stuck];

        await FloodAsync(node, peer, group, healthy, slow, far);
        peer.Signal(Continue);
        Assert.False(node.HasExited);
        await ReportAsync(node, group);

        far.Until(() => far.Accounted >= _load);
        ofLoad.ForEach(client => client.Until(() => client.Accounted >= _load));
        many.Until(() => many.Accounted >= _many);
        large.Until(() => large.Accounted >= _largeEvents);
        blocking.Until(() => blocking.Accounted >= _blocking);
        List<WireClient> local = [healthy, .. slow, .. stuck, many, large, blocking];
        List<WireClient> all = [far, .. local];
        all.ForEach(client => output.WriteLine($"{client}"));
        Assert.All(ofLoad, client => Assert.Equal(_load, client.Accounted));
        Assert.Equal((_many, _largeEvents, _blocking), (many.Accounted, large.Accounted, blocking.Accounted));
        Assert.All(all, client => Assert.Equal(0, client.Disordered));
        Assert.Equal(_load, healthy.Delivered);
        Assert.All(
            [.. slow, .. stuck],
            client => Assert.True(client.Told.ContainsKey(DropReason.Memory) || _rounds < 1_000, $"{client}"));
        await MetricsAgreeAsync(node, local, far);
        Assert.InRange(_peakOwn, 1, Limit);
        Assert.InRange(_peakGroup, 1, Limit);

        // All that was held for them goes with them.
        local.ForEach(client => client.Dispose());
        await Eventually.TrueAsync(
            "the memory of the subscribers is free again",
            () => node.JsonAsync("status"),
            status => Kind(status, "queues") == 0 && Kind(status, "payloads") == 0 && Kind(status, "links") < 1 << 20);
    }

    private static long Kind(JsonElement status, string kind) =>
        status.GetProperty("memory").GetProperty("by_kind").GetProperty(kind).GetInt64();

    private static string[] Mesh(int own, int other) =>
    [
        "--cluster=test", "--bind=127.0.0.1", "--http-bind=127.0.0.1", "--discovery=static", $"--mesh-port={own}",
        $"--peers=127.0.0.1:{other}",
    ];

    private static WireClient Subscriber(
        DaemonProcess node, string name, string filter, OverflowPolicy? policy = null, uint? timeoutMs = null)
    {
        var client = new WireClient(node.Socket, name);
        client.Subscribe(filter, policy, timeoutMs);
        return client;
    }

    private static IEnumerable<WireClient> Stuck(DaemonProcess node)
    {
        for (int i = 0; i < 12; i++)
        {
            OverflowPolicy policy = i % 4 == 3 ? OverflowPolicy.DropNewest : OverflowPolicy.DropOldest;
            yield return Subscriber(node, $"stuck{i}", "load/#", policy);
        }
    }

    private async Task FloodAsync(
        DaemonProcess node,
        DaemonProcess peer,
        MemoryGroup group,
        WireClient healthy,
        List<WireClient> slow,
        WireClient far)
    {
        using var loader = new WireClient(node.Socket, "loader");
        using var retainer = new WireClient(node.Socket, "retainer");
        using var blocked = new WireClient(node.Socket, "blocked");
        for (int round = 0; round < _rounds; round++)
        {
            if (round == _rounds / 20)
            {
                far.Until(() => far.Accounted == _load);
                peer.Signal(Stop);
            }

            PublishRound(round, loader, retainer, blocked);
            slow[round / 10 % slow.Count].Read(round % 10 == 0 ? LoadPerRound * _payload.Length : 0);
            healthy.Until(() => healthy.Accounted >= _load);
            loader.Read();
            retainer.Read();
            blocked.Read();
            if (round % 50 == 0)
            {
                Assert.False(node.HasExited, $"the daemon ended in round {round}.\n{node.Errors}");
                _peakOwn = Math.Max(_peakOwn, node.AnonymousBytes());
                _peakGroup = Math.Max(_peakGroup, group.UsedBytes);
            }

            if (round % Math.Max(1, _rounds / 10) == 0)
            {
                JsonElement memory = (await node.JsonAsync("status")).GetProperty("memory");
                _peakUsed = Math.Max(_peakUsed, memory.GetProperty("used").GetInt64());
                output.WriteLine(
                    $"round {round}: own {node.AnonymousBytes() >> 10} KiB, group {group.UsedBytes >> 10} KiB,"
                    + $" {memory}");
                Assert.InRange(_peakUsed, 1, memory.GetProperty("budget").GetInt64());
            }
        }
    }

    private void PublishRound(int round, WireClient loader, WireClient retainer, WireClient blocked)
    {
        for (int i = 0; i < LoadPerRound; i++)
        {
            loader.Publish($"load/{_load++ % 64}", _payload);
        }

        for (int i = 0; i < ManyPerRound; i++)
        {
            loader.Publish($"many/of/them/{_many++}", _payload.AsSpan(0, 100));
        }

        for (int i = 0; i < RetainedPerRound; i++)
        {
            retainer.Publish(
                $"state/{_retained % 50_000}", _payload.AsSpan(0, 300 + (int)(_retained++ % 700)), RunFlags.Retain);
        }

        if (round % 20 == 0)
        {
            loader.Publish($"large/{_largeEvents++}", _large);
            blocked.Publish($"block/{_blocking++}", _payload);
        }

        loader.Flush();
        retainer.Flush();
        blocked.Flush();
    }

    private async Task ReportAsync(DaemonProcess node, MemoryGroup group)
    {
        JsonElement status = await node.JsonAsync("status");
        output.WriteLine(
            $"{_load} + {_many} + {_largeEvents} + {_blocking} + {_retained} events; peak own "
            + $"{_peakOwn >> 10} KiB, peak used {_peakUsed >> 10} KiB, group {_peakGroup >> 10} of "
            + $"{group.LimitBytes >> 10} KiB");
        output.WriteLine($"{status.GetProperty("memory")}");
        output.WriteLine($"{status.GetProperty("retained")}");
        Assert.Equal(Limit, status.GetProperty("memory").GetProperty("available").GetInt64());
        Assert.NotEmpty(status.GetProperty("memory").GetProperty("top_clients").EnumerateArray());
        Assert.NotEmpty(status.GetProperty("memory").GetProperty("top_topics").EnumerateObject());
    }

    private async Task MetricsAgreeAsync(DaemonProcess node, List<WireClient> local, WireClient far)
    {
        const string dropped = "nexusd_messages_dropped_total";
        const string here = "where=\"subscription\"";
        MetricsText metrics = await MetricsText.FromAsync(node);
        Assert.Equal(
            metrics.Sum("nexusd_messages_matched_total"),
            metrics.Sum("nexusd_messages_delivered_total") + metrics.Sum("nexusd_subscriber_queued_messages")
                + metrics.Sum(dropped, here));
        foreach (DropReason reason in (DropReason[])[DropReason.Memory, DropReason.QueueFull, DropReason.BlockTimeout])
        {
            Assert.Equal(
                local.Sum(client => client.Told.GetValueOrDefault(reason)),
                metrics.Sum(dropped, here, $"reason=\"{reason.ToWireName()}\""));
        }

        // Retained events go to all nodes, so the link lost more than this subscriber was waiting for.
        Assert.InRange(far.Told.Values.Sum(), 1, metrics.Sum(dropped, "where=\"link\""));
        Assert.Equal(_load, far.Accounted);
    }
}
