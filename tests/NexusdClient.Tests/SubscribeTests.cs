using System.Text;
using NexusD.Protocol;
using NexusD.Protocol.App;

namespace NexusdClient.Tests;

public sealed class SubscribeTests
{
    [Fact]
    public async Task Events_come_one_by_one_and_only_those_that_match()
    {
        await using var daemon = new RealDaemon();
        await using var client = new Client(daemon.Address);
        await using var subscription = client.Subscribe(["a/*", "c/#"]);
        await subscription.StartAsync().InTimeAsync();
        foreach (var topic in new[] { "a/1", "b/1", "c", "c/d/e", "a/1/2" })
        {
            client.Publish(topic, topic);
        }

        var messages = await subscription.TakeAsync(3);
        Assert.Equal(["a/1", "c", "c/d/e"], messages.Select(m => m.Topic));
        Assert.Equal(["a/1", "c", "c/d/e"], messages.Select(m => Encoding.UTF8.GetString(m.Payload)));
        Assert.Equal([1UL, 3UL, 4UL], messages.Select(m => m.Number));
    }

    [Fact]
    public async Task Leaving_the_loop_unsubscribes()
    {
        await using var daemon = new RealDaemon();
        await using var client = new Client(daemon.Address);
        var subscription = client.Subscribe("a");
        await subscription.StartAsync().InTimeAsync();
        client.Publish("a", "x"u8);
        await subscription.TakeAsync(1);
        await Wait.UntilAsync("the daemon has no subscription", () => !daemon.HasSubscriptions);
        Assert.Equal(0, (await client.PublishAsync("a", new byte[1]).InTimeAsync()).Local);
    }

    [Fact]
    public async Task A_wait_can_be_cancelled_and_the_subscription_ends()
    {
        await using var daemon = new RealDaemon();
        await using var client = new Client(daemon.Address);
        using var stop = new CancellationTokenSource();
        var reading = Task.Run(async () =>
        {
            await foreach (var message in client.Subscribe(["a"], cancellationToken: stop.Token))
            {
            }
        });
        await Wait.UntilAsync("subscribed", () => daemon.HasSubscriptions);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading).InTimeAsync();
        await Wait.UntilAsync("unsubscribed", () => !daemon.HasSubscriptions);
    }

    [Fact]
    public async Task Disposing_the_client_ends_the_loop_quietly()
    {
        await using var daemon = new RealDaemon();
        var client = new Client(daemon.Address);
        var reading = Task.Run(async () =>
        {
            var seen = 0;
            await foreach (var message in client.Subscribe("a"))
            {
                seen++;
            }

            return seen;
        });
        await Wait.UntilAsync("subscribed", () => daemon.HasSubscriptions);
        await client.PublishAsync("a", new byte[1]).InTimeAsync();
        await client.DisposeAsync();
        Assert.Equal(1, await reading.InTimeAsync());
    }

    [Theory]
    [InlineData("a*")]
    [InlineData("#/a")]
    [InlineData("")]
    public async Task A_bad_filter_is_refused_at_once(string filter)
    {
        await using var client = new Client("127.0.0.1:1");
        var error = Assert.Throws<SubscribeException>(() => client.Subscribe(filter));
        Assert.Equal(ErrorCode.BadFilter, error.Code);
    }

    [Fact]
    public async Task Too_few_or_too_many_filters_are_refused()
    {
        await using var client = new Client("127.0.0.1:1");
        Assert.Throws<SubscribeException>(() => client.Subscribe([]));
        Assert.Throws<SubscribeException>(() => client.Subscribe(Enumerable.Repeat("a", 1025)));
        Assert.Throws<ArgumentOutOfRangeException>(
            () => client.Subscribe("a", new SubscribeOptions { ReceiveBufferBytes = 1 }));
    }

    [Fact]
    public async Task A_refusal_of_the_daemon_reaches_the_reader()
    {
        await using var daemon = new ScriptedDaemon();
        daemon.Intercept = (session, kind, frame) =>
        {
            if (kind != FrameKind.Subscribe)
            {
                return false;
            }

            SubscribeFrame.TryRead(frame, out var subscribe);
            var refusal = new SubscribedFrame
            {
                Code = ErrorCode.Forbidden, Subscription = subscribe.Subscription, Text = "not you"u8,
            };
            var bytes = new byte[refusal.FrameBytes];
            refusal.Write(bytes);
            session.Send(bytes);
            return true;
        };
        await using var client = new Client(daemon.Address);
        var refused = Assert.ThrowsAsync<SubscribeException>(() => client.Subscribe("a").TakeAsync(1));
        var error = await refused.InTimeAsync();
        Assert.Equal(ErrorCode.Forbidden, error.Code);
        Assert.Contains("not you", error.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<SubscribeException>(() => client.Subscribe("a").StartAsync()).InTimeAsync();
        await using var handler = client.Subscribe(["a"], static (in MessageView _) => { });
        await Assert.ThrowsAsync<SubscribeException>(() => handler.Completion).InTimeAsync();
    }

    [Fact]
    public async Task Retained_events_come_first_and_are_marked()
    {
        await using var daemon = new RealDaemon();
        await using var client = new Client(daemon.Address);
        await client.PublishAsync("a", "old"u8.ToArray(), retain: true).InTimeAsync();
        await using var subscription = client.Subscribe("a");
        await subscription.StartAsync().InTimeAsync();
        await using var fresh = client.Subscribe("a", new SubscribeOptions { ReceiveRetained = false });
        await fresh.StartAsync().InTimeAsync();
        await client.PublishAsync("a", "new"u8.ToArray()).InTimeAsync();

        var messages = await subscription.TakeAsync(2);
        Assert.Equal(["old", "new"], messages.Select(m => Encoding.UTF8.GetString(m.Payload)));
        Assert.Equal([true, false], messages.Select(m => m.IsRetained));
        Assert.Equal("new", Encoding.UTF8.GetString((await fresh.TakeAsync(1))[0].Payload));
    }

    [Fact]
    public async Task Batches_show_the_events_in_order()
    {
        const int count = 50_000;
        await using var daemon = new RealDaemon();
        await using var client = new Client(daemon.Address);
        await using var subscription = client.SubscribeBatches(["n/#"]);
        await subscription.StartAsync().InTimeAsync();
        for (var i = 0; i < count; i++)
        {
            client.Publish(i % 3 == 0 ? "n/a" : "n/b", BitConverter.GetBytes(i));
        }

        var seen = new List<int>();
        using var limit = new CancellationTokenSource(Wait.Limit);
        await foreach (var batch in subscription.WithCancellation(limit.Token))
        {
            var before = seen.Count;
            foreach (var message in batch)
            {
                Assert.Equal(seen.Count % 3 == 0 ? "n/a" : "n/b", message.Topic);
                Assert.Equal((ulong)seen.Count + 1, message.Number);
                seen.Add(BitConverter.ToInt32(message.Payload));
            }

            Assert.Equal(batch.Count, seen.Count - before);
            if (seen.Count == count)
            {
                break;
            }
        }

        Assert.Equal(Enumerable.Range(0, count), seen);
    }

    [Fact]
    public async Task A_handler_sees_every_event_without_allocation()
    {
        const int count = 100_000;
        await using var daemon = new RealDaemon();
        await using var client = new Client(daemon.Address);
        var sum = 0L;
        var events = 0;
        long allocated = 0;
        await using var subscription = client.Subscribe(["n"], (in MessageView message) =>
        {
            if (++events == 1_000)
            {
                allocated = -GC.GetAllocatedBytesForCurrentThread();
            }

            sum += BitConverter.ToInt32(message.Payload);
            if (events == count)
            {
                allocated += GC.GetAllocatedBytesForCurrentThread();
            }
        });
        await subscription.Ready.InTimeAsync();
        for (var i = 0; i < count; i++)
        {
            client.Publish("n", BitConverter.GetBytes(i));
        }

        await Wait.UntilAsync("all came", () => Volatile.Read(ref events) == count);
        Assert.Equal((long)count * (count - 1) / 2, sum);
        Assert.InRange(allocated, 0, 100_000);
    }

    [Fact]
    public async Task A_handler_that_throws_ends_its_subscription_only()
    {
        var failures = new List<Exception>();
        await using var daemon = new RealDaemon();
        await using var client = new Client(daemon.Address, new ClientOptions { HandlerFailed = failures.Add });
        await using var other = client.Subscribe("a");
        await other.StartAsync().InTimeAsync();
        var bad = client.Subscribe(["a"], static (in MessageView _) => throw new InvalidOperationException("oops"));
        await bad.Ready.InTimeAsync();
        client.Publish("a", "1"u8);
        client.Publish("a", "2"u8);
        Assert.Equal(2, (await other.TakeAsync(2)).Count);
        await Assert.ThrowsAsync<InvalidOperationException>(() => bad.Completion).InTimeAsync();
        Assert.Equal("oops", Assert.Single(failures).Message);
    }

    [Fact]
    public async Task A_slow_reader_is_limited_by_credit_and_does_not_stop_the_others()
    {
        const int count = 2_000;
        await using var daemon = new RealDaemon();
        await using var client = new Client(daemon.Address);
        var options = new SubscribeOptions { ReceiveBufferBytes = SubscribeOptions.MinReceiveBufferBytes };
        await using var slow = client.Subscribe("a", options);
        await slow.StartAsync().InTimeAsync();
        await using var quick = client.Subscribe("a");
        await quick.StartAsync().InTimeAsync();
        var reading = Task.Run(() => quick.TakeAsync(count));
        var payload = new byte[1_000];
        for (var i = 0; i < count; i++)
        {
            await client.PublishAsync("a", payload).InTimeAsync();
        }

        Assert.Equal(count, (await reading.InTimeAsync()).Count);
        await Wait.UntilAsync(
            "the rest waits in the daemon", () => daemon.Statistics.QueuedEvents is > 1_800 and < 2_000);

        // What was read becomes credit again.
        var held = await slow.TakeAsync(count);
        Assert.Equal(count, held.Count);
    }

    [Fact]
    public async Task Credit_comes_back_as_events_are_read()
    {
        const int count = 1_000;
        await using var daemon = new RealDaemon();
        await using var client = new Client(daemon.Address);
        await using var subscription = client.Subscribe(
            "a", new SubscribeOptions { ReceiveBufferBytes = SubscribeOptions.MinReceiveBufferBytes });
        await using var reader = subscription.GetAsyncEnumerator();
        var pending = reader.MoveNextAsync();
        await client.WaitReadyAsync().InTimeAsync();
        await Wait.UntilAsync("subscribed", () => daemon.HasSubscriptions);
        for (var i = 0; i < count; i++)
        {
            await client.PublishAsync("a", new byte[1_000]).InTimeAsync();
            Assert.True(await pending.AsTask().InTimeAsync());
            Assert.Equal((ulong)i + 1, reader.Current.Number);
            pending = reader.MoveNextAsync();
        }

        Assert.Equal(0, client.GetStatistics().Lost);
    }

    [Fact]
    public async Task A_gap_is_told()
    {
        await using var daemon = new RealDaemon();
        await using var client = new Client(daemon.Address);
        var told = new TaskCompletionSource<EventGap>();
        client.Gap += (_, gap) => told.TrySetResult(gap);
        using var go = new ManualResetEventSlim();
        var options = new SubscribeOptions { QueueEvents = 10 };
        await using var subscription = client.Subscribe(
            ["a/b"], (in MessageView _) => go.Wait(Wait.Limit), options);
        await subscription.Ready.InTimeAsync();
        await using var publisher = new Client(daemon.Address);
        const int count = 500;
        for (var i = 0; i < count; i++)
        {
            await publisher.PublishAsync("a/b", new byte[20_000]).InTimeAsync();
        }

        go.Set();
        var gap = await told.Task.InTimeAsync();
        Assert.Equal(DropReason.QueueFull, gap.Reason);
        Assert.Equal("real", gap.Where);
        Assert.Equal(["a/b"], gap.Filters);
        Assert.InRange(gap.From, 1UL, gap.To);
        Assert.InRange(gap.Count, 1UL, gap.To - gap.From + 1);
        await Wait.UntilAsync(
            "every event came or was told as lost",
            () => client.GetStatistics().Lost + client.GetStatistics().Received == count);
    }

    [Fact]
    public async Task Frames_of_kinds_that_are_not_known_are_skipped()
    {
        await using var daemon = new ScriptedDaemon();
        await using var client = new Client(daemon.Address);
        await client.WaitReadyAsync().InTimeAsync();
        var frame = new byte[20];
        FrameHeader.Write(frame, frame.Length, 0x7A);
        daemon.Sessions.Single().Send(frame);
        await client.PublishAsync("a", new byte[1]).InTimeAsync();
        Assert.Equal(1, client.GetStatistics().Connections);
    }

    [Fact]
    public async Task Queries_are_answered_or_refused()
    {
        await using var daemon = new RealDaemon();
        await using var client = new Client(daemon.Address);
        Assert.Equal("""{"query":"status"}""", await client.QueryAsync("status").InTimeAsync());
        var error = await Assert.ThrowsAsync<QueryException>(() => client.QueryAsync("nonsense")).InTimeAsync();
        Assert.Equal(ErrorCode.UnknownQuery, error.Code);
        Assert.Equal("real", client.Daemon!.NodeName);
    }

    [Fact]
    public async Task A_blocking_subscription_holds_the_publisher_and_loses_nothing()
    {
        await using var daemon = new RealDaemon();
        await using var client = new Client(daemon.Address);
        using var go = new ManualResetEventSlim();
        const int count = 200;
        var last = new TaskCompletionSource();
        var seen = 0;
        var options = new SubscribeOptions
        {
            QueueEvents = 5, Overflow = OverflowPolicy.Block, BlockTimeout = TimeSpan.FromMinutes(1),
        };
        await using var subscription = client.Subscribe(
            ["a/b"],
            (in MessageView _) =>
            {
                go.Wait(Wait.Limit);
                if (++seen == count)
                {
                    last.SetResult();
                }
            },
            options);
        await subscription.Ready.InTimeAsync();
        var publisherOptions = new ClientOptions { KeepAlive = TimeSpan.FromSeconds(1) };
        await using var publisher = new Client(daemon.Address, publisherOptions);
        var publishing = Task.WhenAll(
            Enumerable.Range(0, count).Select(_ => publisher.PublishAsync("a/b", new byte[20_000])));
        await Wait.UntilAsync("the publisher is held up", () => daemon.HeldSessions == 1);
        Assert.False(publishing.IsCompleted);
        go.Set();
        await publishing.InTimeAsync();
        await last.Task.InTimeAsync();
        Assert.Equal(0, client.GetStatistics().Lost);
        Assert.Equal(1, publisher.GetStatistics().Connections);
    }

    [Fact]
    public async Task A_publisher_hears_what_was_dropped_of_its_events()
    {
        await using var daemon = new RealDaemon();
        await using var client = new Client(daemon.Address);
        using var go = new ManualResetEventSlim();
        var options = new SubscribeOptions { QueueEvents = 10, Overflow = OverflowPolicy.DropNewest };
        await using var subscription = client.Subscribe(
            ["a/b"], (in MessageView _) => go.Wait(Wait.Limit), options);
        await subscription.Ready.InTimeAsync();
        await using var publisher = new Client(daemon.Address);
        var told = new TaskCompletionSource<PublishLoss>();
        publisher.PublishLoss += (_, loss) => told.TrySetResult(loss);
        for (var i = 0; i < 500; i++)
        {
            await publisher.PublishAsync("a/b", new byte[20_000]).InTimeAsync();
        }

        var loss = await told.Task.InTimeAsync();
        go.Set();
        Assert.Equal((DropReason.QueueFull, "real"), (loss.Reason, loss.Where));
        Assert.InRange(loss.Count, 1UL, loss.To - loss.From + 1);
    }

    [Theory]
    [InlineData(4, 0)]
    [InlineData(2, -1)]
    [InlineData(2, 601)]
    public async Task Options_that_make_no_sense_are_refused_at_once(int policy, int blockSeconds)
    {
        await using var client = new Client("unix:/nowhere");
        var options = new SubscribeOptions
        {
            Overflow = (OverflowPolicy)policy, BlockTimeout = TimeSpan.FromSeconds(blockSeconds),
        };
        Assert.Throws<ArgumentOutOfRangeException>(() => client.Subscribe(["a"], options));
    }
}
