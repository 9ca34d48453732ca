using System.Collections.Concurrent;
using NexusD.Protocol;

namespace NexusdClient.Tests;

/// <summary>Subscriptions that outlive their connection and their process.</summary>
public sealed class KeepTests
{
    private static readonly ClientOptions Quick = new()
    {
        ReconnectMinimum = TimeSpan.FromMilliseconds(5),
        ReconnectMaximum = TimeSpan.FromMilliseconds(50),
    };

    private static readonly ClientOptions Slow = new()
    {
        ReconnectMinimum = TimeSpan.FromMinutes(1), ReconnectMaximum = TimeSpan.FromMinutes(1),
    };

    private static readonly SubscribeOptions Kept = new() { KeepFor = TimeSpan.FromMinutes(1) };

    [Fact]
    public async Task Nothing_is_lost_or_comes_twice_when_the_connection_breaks_again_and_again()
    {
        const int rounds = 20;
        const int perRound = 20_000;
        await using var daemon = new RealDaemon();
        await using var relay = new CuttableRelay(daemon.Address);
        await using var publisher = new Client(daemon.Address);
        await using var client = new Client(relay.Address, Quick);
        var gaps = new ConcurrentQueue<EventGap>();
        client.Gap += (_, gap) => gaps.Enqueue(gap);
        await using var subscription = client.SubscribeBatches(
            ["a/#"],
            new SubscribeOptions
            {
                // The reader may fall behind while it is cut off so often.
                KeepFor = TimeSpan.FromMinutes(1), QueueEvents = 1 << 20, QueueBytes = 128 << 20,
            });
        await subscription.StartAsync().InTimeAsync();
        var token = subscription.ResumeToken;
        var received = ReadNumbersAsync(subscription, rounds * perRound);

        var random = new Random(5);
        for (var round = 0; round < rounds; round++)
        {
            var cut = random.Next(perRound);
            for (var i = 0; i < perRound; i++)
            {
                publisher.Publish($"a/{i % 7}", BitConverter.GetBytes((round * perRound) + i));
                if (i == cut)
                {
                    relay.CutAll();
                }
            }

            await publisher.FlushAsync().InTimeAsync();
            await Wait.UntilAsync(
                $"connected again after cut {round + 1}",
                () => daemon.Statistics.TakenOverSubscriptions >= round + 1);
        }

        var numbers = await received.WaitAsync(TimeSpan.FromSeconds(60));
        Assert.Equal(Enumerable.Range(0, rounds * perRound), numbers);
        Assert.Empty(gaps);
        Assert.Equal(token, subscription.ResumeToken);
        Assert.Equal(0, daemon.Statistics.KeepsOver);
        Assert.Equal(
            rounds * perRound,
            daemon.Statistics.DeliveredEvents - daemon.Statistics.SentAgainEvents);
    }

    [Fact]
    public async Task Another_client_goes_on_where_the_first_one_stopped_taking()
    {
        await using var daemon = new RealDaemon();
        await using var relay = new CuttableRelay(daemon.Address);
        await using var publisher = new Client(daemon.Address);
        string token;
        await using (var first = new Client(relay.Address, Slow))
        {
            var subscription = first.Subscribe("a", Kept);
            await subscription.StartAsync().InTimeAsync();
            token = subscription.ResumeToken!;
            Assert.Equal(32, token.Length);
            await PublishAsync(publisher, 0, 5);
            var reader = subscription.GetAsyncEnumerator(); // not left: that would end the subscription
            for (var i = 0; i < 5; i++)
            {
                Assert.True(await reader.MoveNextAsync().AsTask().InTimeAsync());
                Assert.Equal(i, Number(reader.Current));
            }

            relay.CutAll();
            await Wait.UntilAsync("kept", () => daemon.Statistics.KeptSubscriptions == 1);
        }

        await PublishAsync(publisher, 5, 3);
        await using var second = new Client(daemon.Address);
        await using var goesOn = second.Subscribe(
            "a", new SubscribeOptions { KeepFor = TimeSpan.FromMinutes(1), ResumeToken = token });
        var came = await TakeAsync(goesOn, 3, until: m => Number(m) == 7);
        Assert.Equal([5, 6, 7], came.Where(m => !m.IsReplayed).Select(Number));
        Assert.Equal(came.Select(Number).Order(), came.Select(Number));
        Assert.Equal(token, goesOn.ResumeToken);
    }

    [Fact]
    public async Task A_pause_holds_events_back_and_outlives_a_cut()
    {
        await using var daemon = new RealDaemon();
        await using var relay = new CuttableRelay(daemon.Address);
        await using var publisher = new Client(daemon.Address);
        await using var client = new Client(relay.Address, Quick);
        await using var subscription = client.Subscribe("a", Kept);
        await subscription.PauseAsync(TimeSpan.FromMinutes(1)).InTimeAsync();
        await PublishAsync(publisher, 0, 3);
        Assert.Equal(3, daemon.Statistics.QueuedEvents);
        relay.CutAll();
        await Wait.UntilAsync("connected again", () => daemon.Statistics.TakenOverSubscriptions == 1);
        await client.FlushAsync().InTimeAsync();
        await PublishAsync(publisher, 3, 2);
        Assert.Equal(5, daemon.Statistics.QueuedEvents);
        await subscription.ResumeAsync().InTimeAsync();
        Assert.Equal(Enumerable.Range(0, 5), (await TakeAsync(subscription, 5)).Select(Number));
    }

    [Fact]
    public async Task A_paused_subscription_waits_for_the_next_process()
    {
        await using var daemon = new RealDaemon();
        await using var publisher = new Client(daemon.Address);
        string token;
        await using (var first = new Client(daemon.Address))
        {
            await using var subscription = first.Subscribe("a", Kept);
            await subscription.PauseAsync(TimeSpan.FromMinutes(1)).InTimeAsync();
            token = subscription.ResumeToken!;
        }

        await Wait.UntilAsync("kept", () => daemon.Statistics.KeptSubscriptions == 1);
        await PublishAsync(publisher, 0, 4);
        await using var second = new Client(daemon.Address);
        await using var goesOn = second.Subscribe(
            "a", new SubscribeOptions { KeepFor = TimeSpan.FromMinutes(1), ResumeToken = token });
        var came = await TakeAsync(goesOn, 4);
        Assert.Equal(Enumerable.Range(0, 4), came.Select(Number));
        Assert.DoesNotContain(came, m => m.IsReplayed);
    }

    [Fact]
    public async Task A_pause_that_is_too_long_ends_the_subscription_and_says_so()
    {
        await using var daemon = new RealDaemon();
        await using var client = new Client(daemon.Address);
        await using var subscription = client.Subscribe("a", Kept);
        await subscription.PauseAsync(TimeSpan.FromMilliseconds(50)).InTimeAsync();
        var error = await Assert.ThrowsAsync<SubscribeException>(() => subscription.TakeAsync(1));
        Assert.Equal(ErrorCode.KeepOver, error.Code);
        Assert.Equal(1, daemon.Statistics.KeepsOver);
    }

    [Fact]
    public async Task A_restarted_daemon_has_kept_nothing_and_the_client_is_told()
    {
        await using var daemon = new RealDaemon();
        await using var client = new Client(daemon.Address, Quick);
        var notices = new ConcurrentQueue<ServerNotice>();
        client.ServerNotice += (_, notice) => notices.Enqueue(notice);
        await using var subscription = client.Subscribe("a", Kept);
        await subscription.StartAsync().InTimeAsync();
        var token = subscription.ResumeToken;
        daemon.Stop();
        daemon.Start();
        await Wait.UntilAsync("told", () => notices.Any(n => n.Code == ErrorCode.KeepOver));
        Assert.NotEqual(token, subscription.ResumeToken);
        await client.PublishAsync("a", BitConverter.GetBytes(9)).InTimeAsync();
        Assert.Equal([9], (await TakeAsync(subscription, 1)).Select(Number));
    }

    [Fact]
    public async Task A_handler_loses_nothing_either()
    {
        await using var daemon = new RealDaemon();
        await using var relay = new CuttableRelay(daemon.Address);
        await using var publisher = new Client(daemon.Address);
        await using var client = new Client(relay.Address, Quick);
        var numbers = new ConcurrentQueue<int>();
        await using var subscription = client.Subscribe(
            ["a"], (in MessageView m) => numbers.Enqueue(BitConverter.ToInt32(m.Payload)), Kept);
        await subscription.Ready.InTimeAsync();
        for (var round = 0; round < 5; round++)
        {
            for (var i = 0; i < 5_000; i++)
            {
                publisher.Publish("a", BitConverter.GetBytes((round * 5_000) + i));
            }

            relay.CutAll();
            await Wait.UntilAsync("again", () => daemon.Statistics.TakenOverSubscriptions > round);
        }

        await Wait.UntilAsync("all came", () => numbers.Count >= 25_000);
        Assert.Equal(Enumerable.Range(0, 25_000), numbers);
    }

    [Fact]
    public async Task Options_that_make_no_sense_are_refused()
    {
        await using var client = new Client("unix:/nowhere");
        Assert.Throws<ArgumentException>(() => client.Subscribe(
            "a", new SubscribeOptions { KeepFor = TimeSpan.FromSeconds(1), ResumeToken = "abc" }));
        Assert.Throws<ArgumentException>(() => client.Subscribe(
            "a", new SubscribeOptions { ResumeToken = new string('a', 32) }));
        Assert.Throws<ArgumentOutOfRangeException>(() => client.Subscribe(
            "a", new SubscribeOptions { KeepFor = TimeSpan.Zero }));
        await using var plain = client.Subscribe("a");
        await Assert.ThrowsAsync<InvalidOperationException>(() => plain.PauseAsync(TimeSpan.FromSeconds(1)));
        Assert.Null(plain.ResumeToken);
    }

    private static int Number(Message message) => BitConverter.ToInt32(message.Payload);

    private static async Task PublishAsync(Client publisher, int from, int count)
    {
        for (var i = from; i < from + count; i++)
        {
            await publisher.PublishAsync("a", BitConverter.GetBytes(i)).InTimeAsync();
        }
    }

    private static async Task<List<int>> ReadNumbersAsync(BatchSubscription subscription, int count)
    {
        var numbers = new List<int>(count);
        await foreach (var batch in subscription)
        {
            foreach (var message in batch)
            {
                numbers.Add(BitConverter.ToInt32(message.Payload));
            }

            if (numbers.Count >= count)
            {
                break;
            }
        }

        return numbers;
    }

    private static async Task<List<Message>> TakeAsync(
        Subscription subscription, int count, Func<Message, bool>? until = null)
    {
        var taken = new List<Message>();
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        await foreach (var message in subscription.WithCancellation(patience.Token))
        {
            taken.Add(message);
            if (until is null ? taken.Count == count : until(message))
            {
                break;
            }
        }

        return taken;
    }
}
