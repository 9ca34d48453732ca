using System.Text;
using NexusD.Protocol;

namespace NexusdClient.Tests;

public sealed class PublishTests
{
    [Fact]
    public async Task An_awaited_publish_tells_where_the_event_went()
    {
        await using var daemon = new RealDaemon();
        await using var client = new Client(daemon.Address);
        await using var subscription = client.Subscribe("a/*");
        await subscription.StartAsync().InTimeAsync();

        var first = await client.PublishAsync(new PublishRequest { Topic = "a/b", Payload = [1] }).InTimeAsync();
        var second = await client.PublishAsync("x/y", new byte[] { 2 }).InTimeAsync();

        Assert.Equal(new PublishResult(1, 0, 1), first);
        Assert.Equal(new PublishResult(0, 0, 2), second);
    }

    [Fact]
    public async Task Many_events_arrive_once_in_order_and_in_runs()
    {
        const int count = 200_000;
        var frames = 0;
        await using var daemon = new ScriptedDaemon();
        daemon.Intercept = (_, kind, _) => kind == FrameKind.Publish && ++frames < 0;
        await using var client = new Client(daemon.Address);
        for (var i = 0; i < count; i++)
        {
            Assert.True(client.Publish("a/b", BitConverter.GetBytes(i)));
        }

        await client.FlushAsync().InTimeAsync();

        Assert.Equal(Enumerable.Range(0, count), daemon.Taken.Select(t => BitConverter.ToInt32(t.Payload)));
        Assert.Equal(Enumerable.Range(1, count), daemon.Taken.Select(t => (int)t.Number));
        Assert.InRange(frames, 1, count / 10);
        Assert.Equal(count, client.GetStatistics().Published);
    }

    [Fact]
    public async Task Topics_in_turn_keep_the_order_of_the_publisher()
    {
        const int count = 20_000;
        await using var daemon = new RealDaemon();
        daemon.Observe();
        await using var client = new Client(daemon.Address);
        for (var i = 0; i < count; i++)
        {
            client.Publish($"t/{i % 7}", BitConverter.GetBytes(i));
        }

        await client.FlushAsync().InTimeAsync();

        Assert.Equal(
            Enumerable.Range(0, count).Select(i => ($"t/{i % 7}", i)),
            (await daemon.TakenAsync(count)).Select(t => (t.Topic, BitConverter.ToInt32(t.Payload))));
    }

    [Fact]
    public async Task With_a_delay_events_are_collected()
    {
        const int count = 200;
        var frames = 0;
        await using var daemon = new ScriptedDaemon();
        daemon.Intercept = (_, kind, _) => kind == FrameKind.Publish && ++frames < 0;
        await using var client = new Client(
            daemon.Address, new ClientOptions { PublishDelay = TimeSpan.FromMilliseconds(200) });
        await client.WaitReadyAsync().InTimeAsync();
        var results = await Task.WhenAll(
            Enumerable.Range(0, count).Select(i => client.PublishAsync("a", BitConverter.GetBytes(i)))).InTimeAsync();
        Assert.Equal((ulong)count, results[^1].Number);
        Assert.InRange(frames, 1, count / 10);
    }

    [Fact]
    public async Task Payloads_of_all_sizes_arrive_whole()
    {
        int[] sizes = [0, 1, 100, 31_000, 32_768, 65_536, 131_072, 1_000_000, 4_194_304, 3];
        await using var daemon = new RealDaemon();
        await using var client = new Client(daemon.Address);
        await using var subscription = client.Subscribe("big");
        await subscription.StartAsync().InTimeAsync();
        var random = new Random(3);
        var payloads = sizes.Select(size => { var p = new byte[size]; random.NextBytes(p); return p; }).ToList();
        foreach (var payload in payloads)
        {
            await client.PublishAsync("big", payload).InTimeAsync();
        }

        var messages = await subscription.TakeAsync(sizes.Length);
        Assert.Equal(payloads, messages.Select(m => m.Payload));
    }

    [Fact]
    public async Task PublishMany_takes_payloads_of_different_lengths()
    {
        await using var daemon = new RealDaemon();
        daemon.Observe();
        await using var client = new Client(daemon.Address);
        var topic = client.OpenTopic("m");
        Assert.Equal(3, topic.PublishMany("abcdef"u8, [1, 0, 5]));
        Assert.Throws<ArgumentException>(() => topic.PublishMany("abc"u8, [1, 1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => topic.PublishMany("abc"u8, [4, -1]));
        await client.FlushAsync().InTimeAsync();
        Assert.Equal(["a", "", "bcdef"], (await daemon.TakenAsync(3)).Select(t => Encoding.UTF8.GetString(t.Payload)));
    }

    [Fact]
    public async Task Everything_that_an_event_carries_comes_through()
    {
        await using var daemon = new RealDaemon();
        await using var client = new Client(daemon.Address);
        await using var subscription = client.Subscribe("#");
        await subscription.StartAsync().InTimeAsync();
        var request = new PublishRequest
        {
            Topic = "städte/köln",
            Payload = "{}"u8.ToArray(),
            ContentType = "application/json",
            CorrelationId = "c-1",
            ReplyTopic = "answers/1",
            TimeToLive = TimeSpan.FromSeconds(90),
            Priority = EventPriority.High,
            Headers = new Dictionary<string, string> { ["k"] = "v", ["leer"] = "" },
        };
        await client.PublishAsync(request).InTimeAsync();
        await client.PublishAsync("plain", "x"u8.ToArray()).InTimeAsync();

        var messages = await subscription.TakeAsync(2);
        var message = messages[0];
        Assert.Equal("städte/köln", message.Topic);
        Assert.Equal("application/json", message.ContentType);
        Assert.Equal("c-1", message.CorrelationId);
        Assert.Equal("answers/1", message.ReplyTopic);
        Assert.Equal(TimeSpan.FromSeconds(90), message.TimeToLive);
        Assert.Equal(EventPriority.High, message.Priority);
        Assert.Equal(request.Headers, message.Headers);
        Assert.Equal("real", message.Node);
        Assert.Equal(1UL, message.Number);
        Assert.InRange(message.Timestamp, DateTimeOffset.UtcNow.AddMinutes(-1), DateTimeOffset.UtcNow.AddMinutes(1));
        Assert.Null(messages[1].ContentType);
        Assert.Empty(messages[1].Headers);
    }

    [Theory]
    [InlineData("a/+")]
    [InlineData("")]
    [InlineData("$nexusd/x")]
    public async Task A_bad_topic_is_refused_at_once(string topic)
    {
        await using var client = new Client("127.0.0.1:1");
        var error = Assert.Throws<PublishException>(() => client.Publish(topic, "x"u8));
        Assert.Equal(ErrorCode.BadTopic, error.Code);
        await Assert.ThrowsAsync<PublishException>(() => client.PublishAsync(topic, new byte[1]));
    }

    [Fact]
    public async Task A_payload_above_the_limit_is_refused_and_nothing_else_suffers()
    {
        await using var daemon = new RealDaemon();
        daemon.Stop();
        daemon.Options = daemon.Options with { MaxPayloadBytes = 1000 };
        daemon.Start();
        daemon.Observe();
        await using var client = new Client(daemon.Address);
        await client.WaitReadyAsync().InTimeAsync();
        var error = Assert.Throws<PublishException>(() => client.Publish("a", new byte[1001]));
        Assert.Equal(ErrorCode.PayloadTooLarge, error.Code);
        Assert.Contains("--max-payload", error.Message, StringComparison.Ordinal);
        await client.PublishAsync("a", new byte[1000]).InTimeAsync();
        Assert.Single(await daemon.TakenAsync(1));
    }

    [Fact]
    public async Task Properties_above_the_limit_are_refused()
    {
        await using var client = new Client("127.0.0.1:1");
        var request = new PublishRequest
        {
            Topic = "a",
            Headers = new Dictionary<string, string> { ["k"] = new('v', 20_000) },
        };
        Assert.Throws<PublishException>(() => client.Publish(request));
        Assert.Throws<PublishException>(
            () => client.Publish(new PublishRequest { Topic = "a", ContentType = new('c', 256) }));
    }

    [Fact]
    public async Task A_refusal_of_the_daemon_reaches_the_caller()
    {
        await using var daemon = new ScriptedDaemon();
        daemon.Intercept = (session, kind, _) =>
        {
            if (kind != FrameKind.Publish)
            {
                return false;
            }

            session.Acknowledge(ErrorCode.Forbidden, 1, 1, 0);
            return true;
        };
        await using var client = new Client(daemon.Address);
        var refused = Assert.ThrowsAsync<PublishException>(() => client.PublishAsync("a", new byte[1]));
        var error = await refused.InTimeAsync();
        Assert.Equal(ErrorCode.Forbidden, error.Code);
    }

    [Fact]
    public async Task Awaited_publishes_of_many_tasks_share_runs_and_each_gets_its_number()
    {
        const int count = 5_000;
        await using var daemon = new RealDaemon();
        daemon.Observe();
        await using var client = new Client(daemon.Address);
        var results = await Task.WhenAll(
            Enumerable.Range(0, count).Select(i => client.PublishAsync("a", BitConverter.GetBytes(i)))).InTimeAsync();
        var numbers = (await daemon.TakenAsync(count)).ToDictionary(
            t => BitConverter.ToInt32(t.Payload), t => t.Number);
        Assert.Equal(Enumerable.Range(0, count).Select(i => numbers[i]), results.Select(r => r.Number));
    }

    [Fact]
    public async Task More_topics_than_aliases_still_travel()
    {
        await using var daemon = new RealDaemon();
        daemon.Stop();
        daemon.Options = daemon.Options with { MaxAliases = 3 };
        daemon.Start();
        daemon.Observe();
        await using var client = new Client(daemon.Address);
        await client.WaitReadyAsync().InTimeAsync();
        for (var i = 0; i < 30; i++)
        {
            client.Publish($"t/{i % 10}", BitConverter.GetBytes(i));
        }

        await client.FlushAsync().InTimeAsync();
        Assert.Equal(
            Enumerable.Range(0, 30).Select(i => ($"t/{i % 10}", i)),
            (await daemon.TakenAsync(30)).Select(t => (t.Topic, BitConverter.ToInt32(t.Payload))));
    }

    [Fact]
    public async Task A_full_buffer_is_told_as_the_option_says()
    {
        var address = "unix:/nonexistent/nexusd.sock";
        var payload = new byte[100_000];
        await using var quiet = new Client(
            address, new ClientOptions { PublishBufferBytes = 1 << 20, CloseTimeout = TimeSpan.FromMilliseconds(1) });
        var taken = 0;
        while (quiet.Publish("a", payload))
        {
            taken++;
        }

        Assert.Equal(10, taken);
        Assert.False(quiet.TryPublish("a", payload));
        Assert.Equal(2, quiet.GetStatistics().Refused);

        await using var loud = new Client(address, new ClientOptions
        {
            PublishBufferBytes = 1 << 20,
            WhenBufferFull = BufferFullMode.Throw,
            CloseTimeout = TimeSpan.FromMilliseconds(1),
        });
        var error = Assert.Throws<BufferFullException>(() =>
        {
            while (loud.Publish("a", payload))
            {
            }
        });
        Assert.Contains("PublishBufferBytes", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_publisher_faster_than_the_daemon_is_slowed_down_not_refused()
    {
        using var go = new ManualResetEventSlim();
        await using var daemon = new ScriptedDaemon();
        daemon.Intercept = (_, kind, _) =>
        {
            if (kind == FrameKind.Publish)
            {
                go.Wait(Wait.Limit);
            }

            return false;
        };
        await using var client = new Client(daemon.Address);
        await client.WaitReadyAsync().InTimeAsync();
        var payload = new byte[10_000];
        var publishing = Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
        {
            for (var i = 0; i < 500; i++)
            {
                Assert.True(client.Publish("a", payload));
            }
        })));
        await Wait.UntilAsync(
            "the buffer filled", () => client.GetStatistics().BufferedBytes > 900_000 || publishing.IsCompleted);
        Assert.False(publishing.IsCompleted);
        Assert.InRange(client.GetStatistics().BufferedBytes, 0, 2 << 20);
        go.Set();
        await publishing.InTimeAsync();
        await client.FlushAsync().InTimeAsync();
        Assert.Equal(2_000, daemon.Taken.Count);
    }

    [Fact]
    public async Task Publishing_allocates_nothing_per_event()
    {
        await using var daemon = new ScriptedDaemon();
        daemon.Intercept = (_, kind, _) => kind == FrameKind.Publish;
        await using var client = new Client(daemon.Address);
        await client.WaitReadyAsync().InTimeAsync();
        var payload = new byte[100];
        var topic = client.OpenTopic("a/b");
        PublishAll(100_000);
        var before = GC.GetAllocatedBytesForCurrentThread();
        PublishAll(100_000);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1_500_000);

        void PublishAll(int count)
        {
            for (var i = 0; i < count; i++)
            {
                client.Publish("a/b", payload);
                topic.Publish(payload);
            }
        }
    }

    [Fact]
    public async Task A_disposed_client_says_so()
    {
        var client = new Client("127.0.0.1:1");
        await client.DisposeAsync();
        Assert.Throws<ClosedException>(() => client.Publish("a", "x"u8));
        await Assert.ThrowsAsync<ClosedException>(() => client.PublishAsync("a", new byte[1]));
        await Assert.ThrowsAsync<ClosedException>(() => client.QueryAsync("status"));
        await Assert.ThrowsAsync<ClosedException>(() => client.WaitReadyAsync());
        Assert.Equal(ConnectionState.Closed, client.State);
    }
}
