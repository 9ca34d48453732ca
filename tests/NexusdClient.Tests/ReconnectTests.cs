using System.Collections.Concurrent;
using NexusD.Protocol;

namespace NexusdClient.Tests;

public sealed class ReconnectTests
{
    private static readonly ClientOptions Quick = new()
    {
        ReconnectMinimum = TimeSpan.FromMilliseconds(5),
        ReconnectMaximum = TimeSpan.FromMilliseconds(50),
    };

    [Fact]
    public async Task Subscriptions_and_publisher_survive_a_cut()
    {
        await using var daemon = new ScriptedDaemon();
        await using var client = new Client(daemon.Address, Quick);
        await using var subscription = client.Subscribe("a");
        await subscription.StartAsync().InTimeAsync();
        await client.PublishAsync("a", new byte[] { 1 }).InTimeAsync();
        daemon.CutAll();
        await Wait.UntilAsync(
            "connected again", () => daemon.Accepted.Count == 2 && daemon.Sessions.Any(s => s.HasSubscriptions));
        var result = await client.PublishAsync("a", new byte[] { 2 }).InTimeAsync();

        Assert.Equal(new PublishResult(1, 2, 2), result);
        Assert.Equal([1, 2], (await subscription.TakeAsync(2)).Select(m => (int)m.Payload[0]));
        var sessions = daemon.Accepted.ToArray();
        Assert.Equal(0UL, sessions[0].HelloPublisher);
        Assert.Equal(sessions[0].Publisher, sessions[1].HelloPublisher);
        Assert.Equal(2UL, sessions[1].HelloNumber);
    }

    [Fact]
    public async Task What_was_not_acknowledged_is_sent_again_with_the_same_numbers()
    {
        var answered = 0;
        await using var daemon = new ScriptedDaemon();
        daemon.Intercept = (session, kind, _) =>
        {
            // The third publish is swallowed and the connection cut: the daemon may or may not have had it.
            if (kind != FrameKind.Publish || ++answered != 3)
            {
                return false;
            }

            session.Cut();
            return true;
        };
        await using var client = new Client(daemon.Address, Quick);
        var numbers = new List<ulong>();
        for (byte i = 1; i <= 5; i++)
        {
            numbers.Add((await client.PublishAsync("a", new[] { i }).InTimeAsync()).Number);
        }

        Assert.Equal([1UL, 2UL, 3UL, 4UL, 5UL], numbers);
        Assert.Equal(
            [(1UL, 1), (2UL, 2), (3UL, 3), (4UL, 4), (5UL, 5)],
            daemon.Taken.Select(t => (t.Number, (int)t.Payload[0])));
        Assert.Equal(3UL, daemon.Accepted.Last().HelloNumber);
    }

    [Fact]
    public async Task Every_acknowledged_event_arrives_at_least_once_through_many_cuts()
    {
        const int count = 3_000;
        var random = new Random(11);
        await using var daemon = new ScriptedDaemon();
        daemon.Intercept = (session, _, _) =>
        {
            if (random.Next(60) == 0)
            {
                session.Cut();
                return true;
            }

            return false;
        };
        await using var client = new Client(daemon.Address, Quick);
        var publishing = Enumerable.Range(0, 4).Select(p => Task.Run(async () =>
        {
            for (var i = 0; i < count / 4; i++)
            {
                await client.PublishAsync($"t/{p}", BitConverter.GetBytes(i));
                client.Publish($"f/{p}", BitConverter.GetBytes(i));
            }
        })).ToArray();
        await Task.WhenAll(publishing).WaitAsync(TimeSpan.FromSeconds(60));
        await client.FlushAsync().InTimeAsync();

        Assert.True(daemon.Accepted.Count > 10, $"only {daemon.Accepted.Count} connections");
        for (var p = 0; p < 4; p++)
        {
            var got = daemon.Taken.Where(t => t.Topic == $"t/{p}").DistinctBy(t => t.Number).ToArray();
            Assert.Equal(Enumerable.Range(0, count / 4), got.Select(t => BitConverter.ToInt32(t.Payload)));
        }

        // The same number never stands for two different events.
        Assert.All(
            daemon.Taken.GroupBy(t => t.Number),
            g => Assert.Single(g.Select(t => (t.Topic, BitConverter.ToInt32(t.Payload))).Distinct()));
    }

    [Fact]
    public async Task Events_wait_while_the_daemon_is_away()
    {
        await using var daemon = new RealDaemon();
        daemon.Observe();
        await using var client = new Client(daemon.Address, Quick);
        await client.PublishAsync("a", new byte[] { 0 }).InTimeAsync();
        daemon.Stop();
        await Wait.UntilAsync("the client noticed", () => client.State == ConnectionState.Reconnecting);
        var waiting = Enumerable.Range(1, 50).Select(i => client.PublishAsync("a", new[] { (byte)i })).ToArray();
        client.Publish("b", [99]);
        daemon.Start();
        await Task.WhenAll(waiting).InTimeAsync();
        await client.FlushAsync().InTimeAsync();
        Assert.Equal([.. Enumerable.Range(0, 51), 99], (await daemon.TakenAsync(52)).Select(t => (int)t.Payload[0]));
    }

    [Fact]
    public async Task A_daemon_that_starts_later_is_found()
    {
        await using var daemon = new RealDaemon();
        daemon.Stop();
        await using var client = new Client(daemon.Address, Quick);
        var states = new ConcurrentQueue<ConnectionStateChange>();
        client.StateChanged += (_, change) => states.Enqueue(change);
        var publishing = client.PublishAsync("a", new byte[1]);
        await Wait.UntilAsync("an attempt failed", () => states.Any(s => s.Reason is not null));
        daemon.Start();
        await client.WaitReadyAsync().InTimeAsync();
        await publishing.InTimeAsync();
        Assert.Equal(ConnectionState.Connecting, states.First().Current);
        Assert.Contains(states, s => s.Current == ConnectionState.Reconnecting && s.RetryAfter > TimeSpan.Zero);
        Assert.Equal(ConnectionState.Connected, client.State);
    }

    [Fact]
    public async Task A_daemon_with_fewer_aliases_gets_topics_as_text()
    {
        await using var daemon = new ScriptedDaemon();
        await using var client = new Client(daemon.Address, Quick);
        for (var i = 0; i < 10; i++)
        {
            await client.PublishAsync($"t/{i}", new[] { (byte)i }).InTimeAsync();
        }

        await daemon.StopListeningAsync();
        daemon.MaxAliases = 4;
        var waiting = Enumerable.Range(0, 20)
            .Select(i => client.PublishAsync($"t/{i}", new[] { (byte)(100 + i) }))
            .ToArray();
        daemon.Listen();
        var results = await Task.WhenAll(waiting).InTimeAsync();
        Assert.Equal(
            Enumerable.Range(0, 20).Select(i => ($"t/{i}", 100 + i)),
            daemon.Taken.Skip(10).Select(t => (t.Topic, (int)t.Payload[0])));
        Assert.Equal(Enumerable.Range(11, 20), results.Select(r => (int)r.Number));
    }

    [Fact]
    public async Task A_daemon_with_a_smaller_limit_refuses_only_what_is_too_large()
    {
        await using var daemon = new ScriptedDaemon();
        await using var client = new Client(daemon.Address, Quick);
        await client.PublishAsync("a", new byte[1]).InTimeAsync();
        await daemon.StopListeningAsync();
        daemon.MaxPayload = 1_000;
        daemon.MaxFrame = 66_792;
        var before = client.PublishAsync("a", new byte[900]);
        var large = client.PublishAsync("a", new byte[100_000]);
        var after = client.PublishAsync("a", new byte[901]);
        daemon.Listen();
        await before.InTimeAsync();
        await after.InTimeAsync();
        var error = await Assert.ThrowsAsync<PublishException>(() => large).InTimeAsync();
        Assert.Equal(ErrorCode.PayloadTooLarge, error.Code);
        Assert.Equal([1, 900, 901], daemon.Taken.Select(t => t.Payload.Length));

        // The events behind the one that was taken out have other numbers now, so they belong to another publisher.
        Assert.NotEqual(daemon.Taken.First().Publisher, daemon.Taken.Last().Publisher);
    }

    [Fact]
    public async Task A_daemon_that_leaves_gets_everything_that_was_begun()
    {
        const int count = 20_000;
        await using var daemon = new RealDaemon();
        daemon.Observe();
        await using var client = new Client(daemon.Address, Quick);
        var notices = new ConcurrentQueue<ServerNotice>();
        client.ServerNotice += (_, notice) => notices.Enqueue(notice);
        await client.WaitReadyAsync().InTimeAsync();
        for (var i = 0; i < count; i++)
        {
            client.Publish("a", BitConverter.GetBytes(i));
            if (i == 5_000)
            {
                daemon.Leave();
                await Wait.UntilAsync("all sessions ended", () => daemon.Statistics.Sessions == 0);
                daemon.Start();
            }
        }

        await client.FlushAsync().InTimeAsync();
        Assert.Equal(
            Enumerable.Range(0, count), (await daemon.TakenAsync(count)).Select(t => BitConverter.ToInt32(t.Payload)));
        Assert.Contains(notices, n => n.Code == ErrorCode.ShuttingDown);
        Assert.Equal(2, client.GetStatistics().Connections);
        Assert.Equal(0, client.GetStatistics().InDoubt);
    }

    [Fact]
    public async Task A_silent_daemon_is_left()
    {
        await using var daemon = new ScriptedDaemon();
        await using var client = new Client(daemon.Address, new ClientOptions
        {
            KeepAlive = TimeSpan.FromMilliseconds(40),
            ReconnectMinimum = TimeSpan.FromMilliseconds(5),
            ReconnectMaximum = TimeSpan.FromMilliseconds(50),
        });
        var reasons = new ConcurrentQueue<string>();
        client.StateChanged += (_, change) => reasons.Enqueue(change.Reason?.Message ?? "");
        await client.WaitReadyAsync().InTimeAsync();
        var first = daemon.Sessions.Single();
        await Wait.UntilAsync("pings are answered", () => client.State == ConnectionState.Connected);
        daemon.Intercept = (session, _, _) => session == first;
        await Wait.UntilAsync("another connection", () => daemon.Accepted.Count > 1);
        Assert.Contains(reasons, r => r.Contains("silent", StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_idle_client_keeps_its_session_alive()
    {
        var pings = 0;
        await using var daemon = new ScriptedDaemon { IdleTimeoutMs = 300 };
        daemon.Intercept = (_, kind, _) =>
        {
            if (kind == FrameKind.Ping)
            {
                Interlocked.Increment(ref pings);
            }

            return false;
        };
        await using var client = new Client(daemon.Address);
        await client.WaitReadyAsync().InTimeAsync();
        await Wait.UntilAsync("three pings", () => Volatile.Read(ref pings) >= 3);
        Assert.Equal(1, client.GetStatistics().Connections);
    }

    [Fact]
    public async Task Restarts_of_a_real_daemon_lose_no_acknowledged_event()
    {
        const int count = 2_000;
        await using var daemon = new RealDaemon();
        await using var client = new Client(daemon.Address, Quick);
        await using var reader = new Client(daemon.Address, Quick);
        var seen = new ConcurrentDictionary<int, int>();
        await using var subscription = reader.Subscribe(
            ["a"], (in MessageView m) => seen.AddOrUpdate(BitConverter.ToInt32(m.Payload), 1, static (_, n) => n + 1));
        await subscription.Ready.InTimeAsync();
        var connections = 1L;
        for (var i = 0; i < count; i++)
        {
            var result = await client.PublishAsync("a", BitConverter.GetBytes(i)).InTimeAsync();
            Assert.Equal((ulong)i + 1, result.Number);
            if (i % 500 == 250)
            {
                daemon.Stop();
                daemon.Start();
                connections++;
                await Wait.UntilAsync("the reader is back", () => daemon.HasSubscriptions);
            }
        }

        await Wait.UntilAsync("all events came", () => seen.Count == count);
        Assert.All(seen.Values, times => Assert.Equal(1, times));
        Assert.Equal(connections, client.GetStatistics().Connections);
        Assert.Equal(0, client.GetStatistics().InDoubt);
    }

    [Fact]
    public async Task Nonsense_from_the_daemon_ends_the_connection_not_the_client()
    {
        await using var daemon = new ScriptedDaemon();
        await using var client = new Client(daemon.Address, Quick);
        await client.PublishAsync("a", new byte[1]).InTimeAsync();
        daemon.Sessions.Single().Send(new byte[64]);
        await Wait.UntilAsync("another connection", () => daemon.Accepted.Count == 2);
        await client.PublishAsync("a", new byte[1]).InTimeAsync();
        Assert.Equal(2, daemon.Taken.Count);
    }

    [Fact]
    public async Task A_publish_that_nobody_acknowledges_fails_in_time()
    {
        await using var daemon = new ScriptedDaemon();
        daemon.Intercept = (_, kind, _) => kind == FrameKind.Publish;
        await using var client = new Client(
            daemon.Address,
            new ClientOptions
            {
                AcknowledgeTimeout = TimeSpan.FromMilliseconds(50),
                CloseTimeout = TimeSpan.FromMilliseconds(50),
            });
        var refused = Assert.ThrowsAsync<PublishException>(() => client.PublishAsync("a", new byte[1]));
        var error = await refused.InTimeAsync();
        Assert.Contains("may still be delivered", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_publish_can_be_cancelled()
    {
        await using var client = new Client(
            "unix:/nonexistent/nexusd.sock", new ClientOptions { CloseTimeout = TimeSpan.FromMilliseconds(1) });
        using var stop = new CancellationTokenSource();
        var publishing = client.PublishAsync("a", new byte[1], cancellationToken: stop.Token);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => publishing).InTimeAsync();
    }

    [Fact]
    public async Task Disposing_sends_what_was_published()
    {
        const int count = 50_000;
        await using var daemon = new RealDaemon();
        daemon.Observe();
        var client = new Client(daemon.Address);
        for (var i = 0; i < count; i++)
        {
            client.Publish("a", BitConverter.GetBytes(i));
        }

        await client.DisposeAsync();
        Assert.Equal(count, (await daemon.TakenAsync(count)).Length);
        await Wait.UntilAsync("the session ended", () => daemon.Statistics.Sessions == 0);
    }

    [Fact]
    public async Task Disposing_while_the_daemon_does_not_read_ends_in_time()
    {
        using var go = new ManualResetEventSlim();
        await using var daemon = new ScriptedDaemon();
        daemon.Intercept = (_, kind, _) => kind == FrameKind.Publish && !go.Wait(Wait.Limit);
        var client = new Client(daemon.Address, new ClientOptions { CloseTimeout = TimeSpan.FromMilliseconds(100) });
        await client.WaitReadyAsync().InTimeAsync();
        var publishing = Task.Run(() =>
        {
            while (client.Publish("a", new byte[100_000]))
            {
            }
        });
        var awaited = client.PublishAsync("a", new byte[1]);
        await Wait.UntilAsync("the buffer filled", () => client.GetStatistics().BufferedBytes > 500_000);
        await client.DisposeAsync().AsTask().InTimeAsync();
        await Assert.ThrowsAsync<ClosedException>(() => awaited).InTimeAsync();
        var ended = await Record.ExceptionAsync(() => publishing.InTimeAsync());
        Assert.True(ended is null or ClosedException, $"the publisher ended with {ended}");
        go.Set();
    }
}
