using System.Buffers.Binary;
using System.Diagnostics;
using NexusdBench.Gate;
using NexusdClient;

namespace NexusdBench;

/// <summary>One run: connect, warm up, measure, stop, wait for the last event, count.</summary>
internal sealed class TrafficRun(BenchOptions options, TrafficPlan plan, ProgressLine progress)
{
    private static readonly TimeSpan ProbeLimit = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan DrainQuiet = TimeSpan.FromSeconds(2);
    private static readonly long SubscribeLimit = Clock.Nanoseconds(20);

    /// <exception cref="NexusdException">
    /// The daemon is not there or left, or events do not reach the subscribers.
    /// </exception>
    internal async Task<BenchResult> RunAsync()
    {
        progress.Say($"{plan.Title}: connecting");
        string[] filters = plan.Filters();
        var subscribers = MakeAll(
            plan.SubscriberAddresses.Count,
            n => new SubscriberLoad(options, plan.SubscriberAddresses[n], filters, plan.Publishers));
        var topics = plan.TopicNames();
        var publishers = MakeAll(
            plan.Publishers, p => new PublisherLoad(options, plan, p, topics, subscribers));
        await using var idle = await IdleSubscriptionsAsync();
        using var stuck = StuckSubscriber();
        try
        {
            await Task.WhenAll(subscribers.Select(s => s.StartAsync()));
            await Task.WhenAll(publishers.Select(p => p.ConnectAsync()));
            await ProbeAsync(publishers[0].Client, topics[0], subscribers);
            Array.ForEach(publishers, p => p.Start());
            progress.Say($"{plan.Title}: warming up");
            await Task.Delay(TimeSpan.FromSeconds(options.Warmup));
            return await MeasureAsync(publishers, subscribers);
        }
        finally
        {
            progress.Clear();
            await Task.WhenAll(publishers.Select(p => p.DisposeAsync().AsTask()));
            await Task.WhenAll(subscribers.Select(s => s.DisposeAsync().AsTask()));
        }
    }

    private async Task<BenchResult> MeasureAsync(PublisherLoad[] publishers, SubscriberLoad[] subscribers)
    {
        Array.ForEach(subscribers, s => s.Measure(on: true));
        var clock = Stopwatch.StartNew();
        var before = TrafficFigures.Take(plan, publishers, subscribers);
        await WatchAsync(clock, publishers, subscribers);
        var after = TrafficFigures.Take(plan, publishers, subscribers);
        var seconds = clock.Elapsed.TotalSeconds;
        Array.ForEach(subscribers, s => s.Measure(on: false));

        await Task.WhenAll(publishers.Select(p => p.StopAsync()));
        long[] published = [.. publishers.Select(p => p.Sent)];
        await DrainAsync(subscribers, published.Sum());

        var latency = new LatencyHistogram();
        Array.ForEach(subscribers, s => latency.Add(s.Latency));
        var received = after.Received - before.Received;
        var millions = Math.Max((subscribers.Length > 0 ? received : after.Sent - before.Sent) / 1e6, 1e-9);
        var daemons = after.Daemons.Zip(before.Daemons, (a, b) => a with { CpuSeconds = a.CpuSeconds - b.CpuSeconds });
        DaemonFigures[] each = [.. daemons.Select(d => d with { CpuSeconds = Math.Round(d.CpuSeconds / millions, 4) })];
        double? ofDaemons = each.Length > 0 ? Math.Round(each.Sum(d => d.CpuSeconds), 4) : null;
        return new BenchResult
        {
            Title = plan.Title,
            EventsPerSecond = Math.Round((after.Sent - before.Sent) / seconds),
            DeliveriesPerSecond = Math.Round(received / seconds),
            LatencyUs = LatencyFigures.Of(latency),
            Lost = subscribers.Sum(s => s.Lost(published)),
            LostTold = subscribers.Sum(s => s.ToldLost),
            Duplicates = subscribers.Sum(s => s.Duplicates),
            Reordered = subscribers.Sum(s => s.Reordered),
            IsVerified = options.Verify,
            CpuSecondsPerMillion = new CpuFigures(
                ofDaemons, Math.Round(((after.OwnCpu - before.OwnCpu) / millions) + (ofDaemons ?? 0), 4)),
            DaemonRssMb = each.Length > 0 ? Math.Round(each.Sum(d => d.ResidentMegabytes), 1) : null,
            Daemons = each,
        };
    }

    private async Task WatchAsync(Stopwatch clock, PublisherLoad[] publishers, SubscriberLoad[] subscribers)
    {
        var end = TimeSpan.FromSeconds(options.Seconds);
        var (sent, received, at) = (publishers.Sum(p => p.Sent), subscribers.Sum(s => s.TotalReceived), TimeSpan.Zero);
        while (end - clock.Elapsed is { Ticks: > 0 } left)
        {
            await Task.Delay(left < ProgressLine.Interval ? left : ProgressLine.Interval);
            var now = (publishers.Sum(p => p.Sent), subscribers.Sum(s => s.TotalReceived), clock.Elapsed);
            var seconds = (now.Elapsed - at).TotalSeconds;
            progress.Show(
                plan.Title, clock.Elapsed.TotalSeconds, options.Seconds, (now.Item1 - sent) / seconds,
                (now.Item2 - received) / seconds);
            (sent, received, at) = now;
        }
    }

    /// <summary>Until an event of the publishers' daemon has reached every subscriber, the way is not open.</summary>
    private static async Task ProbeAsync(Client publisher, string topic, SubscriberLoad[] subscribers)
    {
        var probe = new byte[BenchOptions.StampBytes];
        BinaryPrimitives.WriteUInt32LittleEndian(probe.AsSpan(8), SubscriberLoad.Probe);
        var clock = Stopwatch.StartNew();
        while (!subscribers.All(s => s.HasProbe))
        {
            if (clock.Elapsed > ProbeLimit)
            {
                throw new NexusdException(
                    "No event reached the subscribers within 20 s: are the two daemons linked (nexusctl peers)?");
            }

            await publisher.PublishAsync(topic, probe);
            await Task.Delay(10);
        }
    }

    private async Task<Client?> IdleSubscriptionsAsync()
    {
        if (options.IdleSubscriptions == 0)
        {
            return null;
        }

        var client = new Client(options.SubscriberAddress, new ClientOptions { ClientName = "nexusd-bench idle" });
        HandlerSubscription? last = null;
        for (var i = 0; i < options.IdleSubscriptions; i++)
        {
            last = client.Subscribe([$"idle/{i % 1000}/{i}/*"], static (in MessageView _) => { });
        }

        await last!.Ready;
        return client;
    }

    private LeanSubscriber? StuckSubscriber()
    {
        if (!plan.HasStuckSubscriber)
        {
            return null;
        }

        var address = plan.SubscriberAddresses.Count > 0 ? plan.SubscriberAddresses[0] : plan.PublisherAddress;
        var stuck = new LeanSubscriber(
            address ?? throw new BenchUsageException("stuck needs --start or --addr."), 0, null);
        stuck.Subscribe([plan.WholeFilter], Clock.Now + SubscribeLimit);
        stuck.StopReading();
        return stuck;
    }

    private static async Task DrainAsync(SubscriberLoad[] subscribers, long published)
    {
        var quiet = Stopwatch.StartNew();
        long seen = -1;
        while (subscribers.Any(s => s.TotalReceived < published) && quiet.Elapsed < DrainQuiet)
        {
            var received = subscribers.Sum(s => s.TotalReceived);
            if (received != seen)
            {
                seen = received;
                quiet.Restart();
            }

            await Task.Delay(5);
        }
    }

    private static T[] MakeAll<T>(int count, Func<int, T> make) => [.. Enumerable.Range(0, count).Select(make)];
}
