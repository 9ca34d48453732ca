using NexusD.EndToEnd.Tests.Harness;
using Xunit.Abstractions;

namespace NexusD.EndToEnd.Tests;

/// <summary>Two real daemons with a bad network between them: every event arrives once and in order.</summary>
public sealed class HealingTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Loss_doubling_and_reordering_cost_time_and_nothing_else(int seed)
    {
        await using RelayedPair pair = await RelayedPair.StartAsync(seed);
        pair.Relay.Loss = 0.1;
        pair.Relay.Doubling = 0.03;
        pair.Relay.JitterMs = 10;
        await using EventFlow there = await EventFlow.StartAsync(pair.Dialer, pair.Listener, "flow/there");
        await using EventFlow back = await EventFlow.StartAsync(pair.Listener, pair.Dialer, "flow/back");
        for (int part = 0; part < 100; part++)
        {
            await Task.WhenAll(there.PublishAsync(200), back.PublishAsync(200));
        }

        await pair.CheckAsync(there, back);
        output.WriteLine($"{pair.Relay.Lost} datagrams were lost");
        Assert.True(pair.Relay.Lost > 5, $"only {pair.Relay.Lost} datagrams were lost");
    }

    [Fact]
    public async Task What_is_published_during_a_cut_arrives_after_it()
    {
        await using RelayedPair pair = await RelayedPair.StartAsync(3);
        await using EventFlow there = await EventFlow.StartAsync(pair.Dialer, pair.Listener, "flow/there");
        await using EventFlow back = await EventFlow.StartAsync(pair.Listener, pair.Dialer, "flow/back");
        for (int round = 0; round < 3; round++)
        {
            await Task.WhenAll(there.PublishAsync(3_000), back.PublishAsync(3_000));
            pair.Relay.IsCut = true;
            await Task.WhenAll(there.PublishAsync(3_000), back.PublishAsync(3_000));
            TimeSpan noticed = await pair.BothAreAloneAsync();
            output.WriteLine($"noticed after {noticed.TotalMilliseconds:0} ms");
            Assert.InRange(noticed.TotalSeconds, 0, RelayedPair.NoticedWithinSeconds);
            await Task.WhenAll(there.PublishAsync(3_000), back.PublishAsync(3_000));
            pair.Relay.IsCut = false;
            await pair.LinkedAsync();
        }

        await pair.CheckAsync(there, back);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_one_way_cut_is_noticed_on_both_sides_and_heals(bool towards)
    {
        await using RelayedPair pair = await RelayedPair.StartAsync(4);
        await using EventFlow there = await EventFlow.StartAsync(pair.Dialer, pair.Listener, "flow/there");
        await using EventFlow back = await EventFlow.StartAsync(pair.Listener, pair.Dialer, "flow/back");
        pair.Relay.IsCutTowards = towards;
        pair.Relay.IsCutBack = !towards;
        await Task.WhenAll(there.PublishAsync(2_000), back.PublishAsync(2_000));
        TimeSpan noticed = await pair.BothAreAloneAsync();
        output.WriteLine($"noticed after {noticed.TotalMilliseconds:0} ms");
        Assert.InRange(noticed.TotalSeconds, 0, RelayedPair.NoticedWithinSeconds);
        await Task.WhenAll(there.PublishAsync(2_000), back.PublishAsync(2_000));
        pair.Relay.IsCut = false;
        await pair.CheckAsync(there, back);
    }

    [Fact]
    public async Task A_change_of_address_in_the_middle_loses_nothing()
    {
        await using RelayedPair pair = await RelayedPair.StartAsync(5);
        await using EventFlow there = await EventFlow.StartAsync(pair.Dialer, pair.Listener, "flow/there");
        await using EventFlow back = await EventFlow.StartAsync(pair.Listener, pair.Dialer, "flow/back");
        for (int round = 0; round < 5; round++)
        {
            await Task.WhenAll(there.PublishAsync(3_000), back.PublishAsync(3_000));
            pair.Relay.ChangeAddresses();
        }

        await Task.WhenAll(there.PublishAsync(3_000), back.PublishAsync(3_000));
        await pair.CheckAsync(there, back);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_node_that_is_paused_and_goes_on_has_missed_nothing(bool publisher)
    {
        await using RelayedPair pair = await RelayedPair.StartAsync(6);
        await using EventFlow there = await EventFlow.StartAsync(pair.Dialer, pair.Listener, "flow/there");
        (DaemonProcess paused, DaemonProcess other) =
            publisher ? (pair.Dialer, pair.Listener) : (pair.Listener, pair.Dialer);
        await there.PublishAsync(2_000);
        paused.Signal(19);
        TimeSpan noticed = await RelayedPair.IsAloneAsync(other);
        output.WriteLine($"noticed after {noticed.TotalMilliseconds:0} ms");
        Assert.InRange(noticed.TotalSeconds, 0, RelayedPair.NoticedWithinSeconds);
        if (!publisher)
        {
            await there.PublishAsync(2_000);
        }

        paused.Signal(18);
        await pair.LinkedAsync();
        await there.PublishAsync(2_000);
        await there.EndPublishingAsync();
        Assert.Equal(0, await there.CheckAsync());
    }

    [Fact]
    public async Task What_is_held_too_long_is_told_exactly()
    {
        await using RelayedPair pair = await RelayedPair.StartAsync(7, "--link-hold=1s");
        await using EventFlow there = await EventFlow.StartAsync(pair.Dialer, pair.Listener, "flow/there");
        await there.PublishAsync(500);
        pair.Relay.IsCut = true;
        await pair.BothAreAloneAsync();
        await there.PublishAsync(500);
        await Eventually.TrueAsync(
            "what was held is given up",
            () => pair.Dialer.JsonAsync("peers"),
            peers => peers.ToString().Contains("\"dropped_link_down\": 500", StringComparison.Ordinal)
                || peers.ToString().Contains("\"dropped_link_down\":500", StringComparison.Ordinal));
        await there.PublishAsync(250);
        pair.Relay.IsCut = false;
        await pair.LinkedAsync();
        await there.PublishAsync(500);
        await there.EndPublishingAsync();
        Assert.Equal(750, await there.CheckAsync());
    }
}
