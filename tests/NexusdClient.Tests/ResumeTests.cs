using System.Collections.Concurrent;
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

    private readonly ConcurrentQueue<Message> _received = new();

    [Fact]
    public async Task What_was_missed_comes_marked_and_the_rest_is_told_exactly()
    {
        await using var daemon = new RealDaemon();
        await using var client = new Client(daemon.Address, Quick);
        var gaps = new ConcurrentQueue<EventGap>();
        client.Gap += (_, gap) => gaps.Enqueue(gap);
        await using var subscription = await SubscribeAsync(client, new SubscribeOptions());
        Publish(daemon, 1, 3);
        Assert.Equal([1, 2, 3], await NumbersAsync(3));

        daemon.Stop();
        Publish(daemon, 4, 12);
        daemon.Start();
        Assert.Equal([1, 2, 3, 8, 9, 10, 11, 12], await NumbersAsync(8));
        Assert.Equal(5, _received.Count(m => m.IsReplayed && !m.IsRetained));
        var gap = Assert.Single(gaps);
        Assert.Equal((77UL, 4UL, 7UL, 4UL, "real"), (gap.Publisher, gap.From, gap.To, gap.Count, gap.Where));
        Assert.Equal((DropReason.Missed, true), (gap.Reason, gap.IsUpperBound));

        Publish(daemon, 13, 13);
        await NumbersAsync(9);
        Assert.False(_received.Last().IsReplayed);
    }

    [Fact]
    public async Task Many_absences_replay_nothing_twice()
    {
        await using var daemon = new RealDaemon();
        await using var client = new Client(daemon.Address, Quick);
        await using var subscription = await SubscribeAsync(client, new SubscribeOptions());
        for (var round = 0; round < 4; round++)
        {
            daemon.Stop();
            Publish(daemon, (byte)(1 + (round * 4)), (byte)(4 + (round * 4)));
            daemon.Start();
            Assert.Equal(Enumerable.Range(1, 4 + (round * 4)), await NumbersAsync(4 + (round * 4)));
        }
    }

    [Fact]
    public async Task Who_does_not_want_it_gets_live_events_only()
    {
        await using var daemon = new RealDaemon();
        await using var client = new Client(daemon.Address, Quick);
        await using var subscription = await SubscribeAsync(
            client, new SubscribeOptions { ResumeAfterReconnect = false });
        Publish(daemon, 1, 2);
        await NumbersAsync(2);
        daemon.Stop();
        Publish(daemon, 3, 4);
        daemon.Start();
        await Wait.UntilAsync("subscribed again", () => daemon.HasSubscriptions);
        Publish(daemon, 5, 5);
        Assert.Equal([1, 2, 5], await NumbersAsync(3));
    }

    [Fact]
    public async Task The_next_of_several_addresses_is_used_when_the_first_is_gone()
    {
        await using var first = new RealDaemon();
        await using var second = new RealDaemon();
        await using var client = new Client($"{first.Address}, {second.Address}", Quick);
        await using var subscription = await SubscribeAsync(client, new SubscribeOptions());
        Assert.True(first.HasSubscriptions && !second.HasSubscriptions);
        Publish(second, 1, 2);
        first.Stop();
        Assert.Equal([1, 2], await NumbersAsync(2));
        Assert.All(_received, m => Assert.True(m.IsReplayed));
    }

    private static void Publish(RealDaemon daemon, byte from, byte to)
    {
        for (var number = from; number <= to; number++)
        {
            daemon.PublishAside("a/b", number);
        }
    }

    private async Task<HandlerSubscription> SubscribeAsync(Client client, SubscribeOptions options)
    {
        var subscription = client.Subscribe(["a/#"], (in MessageView m) => _received.Enqueue(m.ToMessage()), options);
        await subscription.Ready.InTimeAsync();
        return subscription;
    }

    private async Task<IEnumerable<int>> NumbersAsync(int count)
    {
        await Wait.UntilAsync($"{count} events were received", () => _received.Count >= count);
        return _received.Select(m => (int)m.Number);
    }
}
