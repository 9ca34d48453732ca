using System.Diagnostics;
using System.Text.Json;
using NexusD.EndToEnd.Tests.Harness;
using Xunit.Abstractions;

namespace NexusD.EndToEnd.Tests;

/// <summary>Retained events are the same on every node again soon after a partition has ended.</summary>
public sealed class RetainedPartitionTests(ITestOutputHelper output)
{
    /// <summary>What is promised for a healed partition, links included.</summary>
    private static readonly TimeSpan _promised = TimeSpan.FromSeconds(3);

    [NamespaceFact]
    public Task Five_nodes_hold_the_same_after_a_partition() => PartAndHealAsync("--link-hold=60s");

    [NamespaceFact]
    public Task Repair_alone_makes_them_the_same() => PartAndHealAsync("--link-hold=0s");

    private async Task PartAndHealAsync(string hold)
    {
        await using NamespaceMesh mesh = await NamespaceMesh.StartAsync(5, hold, "--retain-topics=auto/");
        await PublishAsync(mesh.All[0], Enumerable.Range(0, 40).Select(i => ($"state/{i}", $"before {i}")));
        await SameAsync(mesh, 40);

        await mesh.PartAsync(4, 5);
        await Task.WhenAll(mesh.All.Select((d, i) => SeesAsync(d, i < 3 ? 2 : 1)));
        await PublishAsync(mesh.All[1], Enumerable.Range(0, 10).Select(i => ($"state/{i}", $"left {i}")));
        await PublishAsync(mesh.All[0], Enumerable.Range(10, 5).Select(i => ($"state/{i}", "")));
        await PublishAsync(mesh.All[4], Enumerable.Range(5, 10).Select(i => ($"state/{i}", $"right {i}")));
        await PublishAsync(mesh.All[3], Enumerable.Range(20, 5).Select(i => ($"state/{i}", "")));
        await mesh.All[3].CtlAsync("pub", "auto/a", "kept without being asked", "--ack");
        var digests = new HashSet<string>(await Task.WhenAll(mesh.All.Select(DigestAsync)));
        Assert.Equal(2, digests.Count);

        await mesh.HealAsync(4, 5);
        TimeSpan took = await SameAsync(mesh, 36);
        output.WriteLine($"the same {took.TotalMilliseconds:0} ms after the partition ended");
        Assert.InRange(took, TimeSpan.Zero, _promised);

        // 0-4 from the left, 5-14 from the right, which wrote later; 15-19 and 25-39 as before; 20-24 deleted.
        var expected = Enumerable.Range(0, 40).Where(i => i is < 20 or >= 25)
            .Select(i => ($"state/{i}", i < 5 ? $"left {i}" : i < 15 ? $"right {i}" : $"before {i}"))
            .Append(("auto/a", "kept without being asked"))
            .Order().ToArray();
        foreach (DaemonProcess node in mesh.All)
        {
            Assert.Equal(expected, await LateSubscriberAsync(node, expected.Length));
        }

        await mesh.All[2].CtlAsync("retained", "--delete", "auto/a");
        await SameAsync(mesh, 35);
        List<string> listed = await mesh.All[4].CtlAsync("retained", "state/1", "--json");
        JsonElement entry = JsonDocument.Parse(string.Join('\n', listed)).RootElement.EnumerateArray().Single();
        Assert.Equal(("state/1", 6, "n5"), (
            entry.GetProperty("topic").GetString(), entry.GetProperty("size").GetInt32(),
            entry.GetProperty("node").GetString()));
    }

    private static async Task PublishAsync(DaemonProcess node, IEnumerable<(string Topic, string Value)> events) =>
        await Task.WhenAll(events.Select(e => node.CtlAsync("pub", e.Topic, e.Value, "--retain", "--ack")));

    private static Task<TimeSpan> SeesAsync(DaemonProcess node, int peers) => Eventually.TrueAsync(
        $"{node.Name} is linked to {peers} nodes",
        () => node.JsonAsync("status"),
        status => status.GetProperty("mesh").GetProperty("up").GetInt32() == peers
            && status.GetProperty("mesh").GetProperty("suspect").GetInt32() == 0);

    /// <summary>Waits until all hold so many events and have one digest.</summary>
    private static async Task<TimeSpan> SameAsync(NamespaceMesh mesh, int events)
    {
        var watch = Stopwatch.StartNew();
        await Eventually.TrueAsync(
            $"all nodes hold the same {events} events",
            async () => await Task.WhenAll(mesh.All.Select(RetainedAsync)),
            parts => parts.All(p => p.GetProperty("events").GetInt32() == events)
                && parts.Select(p => p.GetProperty("digest").GetString()).Distinct().Count() == 1);
        return watch.Elapsed;
    }

    private static async Task<JsonElement> RetainedAsync(DaemonProcess node) =>
        (await node.JsonAsync("status")).GetProperty("retained");

    private static async Task<string> DigestAsync(DaemonProcess node) =>
        (await RetainedAsync(node)).GetProperty("digest").GetString()!;

    private static async Task<(string Topic, string Value)[]> LateSubscriberAsync(DaemonProcess node, int count)
    {
        await using RunningProcess subscriber = node.Ctl("sub", "#", "--json");
        List<Received> got = await Received.UntilAsync(subscriber, (_, n) => n == count);
        Assert.All(got, r => Assert.True(r.Retained));
        return [.. got.Select(r => (r.Topic, r.Payload)).Order()];
    }
}
