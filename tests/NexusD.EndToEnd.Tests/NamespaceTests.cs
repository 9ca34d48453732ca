using NexusD.EndToEnd.Tests.Harness;
using Xunit.Abstractions;

namespace NexusD.EndToEnd.Tests;

/// <summary>Two real daemons on two hosts, as far as the kernel knows, and what happens to their cable.</summary>
public sealed class NamespaceTests(ITestOutputHelper output)
{
    [NamespaceFact]
    public async Task A_pulled_cable_loses_nothing()
    {
        await using NamespacePair pair = await NamespacePair.StartAsync();
        await using EventFlow there = await EventFlow.StartAsync(pair.A, pair.B, "flow/there");
        await using EventFlow back = await EventFlow.StartAsync(pair.B, pair.A, "flow/back");
        await PublishAsync(2_000, there, back);
        await pair.SetCableAsync(plugged: false);
        await PublishAsync(2_000, there, back);
        await CheckNoticedAsync(pair);
        await PublishAsync(2_000, there, back);
        await pair.SetCableAsync(plugged: true);
        await CheckAsync(there, back);
    }

    [NamespaceFact]
    public async Task A_black_hole_in_one_direction_loses_nothing()
    {
        await using NamespacePair pair = await NamespacePair.StartAsync();
        await using EventFlow there = await EventFlow.StartAsync(pair.A, pair.B, "flow/there");
        await using EventFlow back = await EventFlow.StartAsync(pair.B, pair.A, "flow/back");
        await pair.SetMuteAsync(true);
        await PublishAsync(2_000, there, back);
        await CheckNoticedAsync(pair);
        await PublishAsync(2_000, there, back);
        await pair.SetMuteAsync(false);
        await CheckAsync(there, back);
    }

    [NamespaceFact]
    public async Task A_node_that_moves_to_another_address_loses_nothing()
    {
        await using NamespacePair pair = await NamespacePair.StartAsync();
        await using EventFlow there = await EventFlow.StartAsync(pair.A, pair.B, "flow/there");
        await using EventFlow back = await EventFlow.StartAsync(pair.B, pair.A, "flow/back");
        await PublishAsync(2_000, there, back);
        await pair.MoveAsync(77);
        await PublishAsync(2_000, there, back);
        await CheckAsync(there, back);
    }

    private static Task PublishAsync(int count, params EventFlow[] flows) =>
        Task.WhenAll(flows.Select(f => f.PublishAsync(count)));

    private static async Task CheckAsync(params EventFlow[] flows)
    {
        await Task.WhenAll(flows.Select(f => f.EndPublishingAsync()));
        Assert.All(await Task.WhenAll(flows.Select(f => f.CheckAsync())), lost => Assert.Equal(0, lost));
    }

    private async Task CheckNoticedAsync(NamespacePair pair)
    {
        TimeSpan noticed = await pair.BothAreAloneAsync();
        output.WriteLine($"noticed after {noticed.TotalMilliseconds:0} ms");
        Assert.InRange(noticed.TotalSeconds, 0, RelayedPair.NoticedWithinSeconds);
    }
}
