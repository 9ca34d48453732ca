using NexusD.Protocol;

namespace NexusdClient.Tests;

/// <summary>What a subscription gets of the time in which its client was away.</summary>
public sealed class ResumeTests
{
    private static readonly ClientOptions Quick = new()
    {
        ReconnectMinimum = TimeSpan.FromMilliseconds(5),
        ReconnectMaximum = TimeSpan.FromMilliseconds(50),
    };

    [Fact]
    public async Task What_was_missed_comes_marked_and_the_rest_is_told_exactly()
    {
        await using var daemon = new RealDaemon();
        await using var client = new Client(daemon.Address, Quick);
        var gaps = new List<EventGap>();
        client.Gap += (_, gap) => gaps.Add(gap);
        await using var subscription = client.Subscribe("a/*");
        await subscription.StartAsync().InTimeAsync();
        Publish(daemon, 1, 3);
        Assert.Equal([1, 2, 3], (await subscription.TakeAsync(3)).Select(m => (int)m.Number));

        daemon.Stop();
        Publish(daemon, 4, 12);
        daemon.Start();
        var replayed = await subscription.TakeAsync(5);
        Assert.Equal([8, 9, 10, 11, 12], replayed.Select(m => (int)m.Number));
        Assert.All(replayed, m => Assert.True(m.IsReplayed && !m.IsRetained));
        var gap = Assert.Single(gaps);
        Assert.Equal((77UL, 4UL, 7UL, 4UL, "real"), (gap.Publisher, gap.From, gap.To, gap.Count, gap.Where));
        Assert.Equal((DropReason.Missed, true), (gap.Reason, gap.IsUpperBound));

        Publish(daemon, 13, 13);
        var live = Assert.Single(await subscription.TakeAsync(1));
        Assert.Equal((13UL, false), (live.Number, live.IsReplayed));
    }

    [Fact]
    public async Task Two_absences_replay_nothing_twice()
    {
        await using var daemon = new RealDaemon();
        await using var client = new Client(daemon.Address, Quick);
        await using var subscription = client.Subscribe("a/#");
        await subscription.StartAsync().InTimeAsync();
        for (byte round = 0; round < 4; round++)
        {
            var first = (byte)(1 + (round * 4));
            daemon.Stop();
            Publish(daemon, first, (byte)(first + 3));
            daemon.Start();
            Assert.Equal(
                [first, first + 1, first + 2, first + 3],
                (await subscription.TakeAsync(4)).Select(m => (int)m.Number));
        }
    }

    [Fact]
    public async Task Who_does_not_want_it_gets_live_events_only()
    {
        await using var daemon = new RealDaemon();
        await using var client = new Client(daemon.Address, Quick);
        await using var subscription = client.Subscribe("a/#", new SubscribeOptions { ResumeAfterReconnect = false });
        await subscription.StartAsync().InTimeAsync();
        Publish(daemon, 1, 2);
        await subscription.TakeAsync(2);
        daemon.Stop();
        Publish(daemon, 3, 4);
        daemon.Start();
        await Wait.UntilAsync("subscribed again", () => daemon.HasSubscriptions);
        Publish(daemon, 5, 5);
        Assert.Equal(5UL, Assert.Single(await subscription.TakeAsync(1)).Number);
    }

    [Fact]
    public async Task The_next_of_several_addresses_is_used_when_the_first_is_gone()
    {
        await using var first = new RealDaemon();
        await using var second = new RealDaemon();
        await using var client = new Client($"{first.Address}, {second.Address}", Quick);
        await using var subscription = client.Subscribe("a/#");
        await subscription.StartAsync().InTimeAsync();
        Assert.True(first.HasSubscriptions && !second.HasSubscriptions);
        Publish(second, 1, 2);
        first.Stop();
        Assert.Equal([1, 2], (await subscription.TakeAsync(2)).Select(m => (int)m.Number));
    }

    private static void Publish(RealDaemon daemon, byte from, byte to)
    {
        for (var number = from; number <= to; number++)
        {
            daemon.PublishAside("a/b", number);
        }
    }
}
