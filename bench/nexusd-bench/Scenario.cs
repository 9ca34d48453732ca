using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using NexusdClient;

namespace NexusdBench;

/// <summary>One run: connect, warm up, measure, stop, wait for the last event, count.</summary>
internal sealed class Scenario(BenchOptions options)
{
    private static readonly TimeSpan ProbeLimit = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan DrainQuiet = TimeSpan.FromSeconds(2);

    private readonly string _root =
        string.Create(CultureInfo.InvariantCulture, $"bench/{Environment.ProcessId}-{Random.Shared.Next():x}");

    internal async Task<BenchResult> RunAsync()
    {
        var subscribers = MakeAll(options.Subscribers, _ => new SubscriberLoad(options, _root + "/#"));
        string[] topics = [.. Enumerable.Range(0, options.Topics).Select(t => $"{_root}/{t}")];
        var publishers = MakeAll(options.Publishers, p => new PublisherLoad(options, p, topics, subscribers));
        await using var idle = await IdleSubscriptionsAsync();
        try
        {
            await Task.WhenAll(subscribers.Select(s => s.StartAsync()));
            await Task.WhenAll(publishers.Select(p => p.ConnectAsync()));
            await ProbeAsync(publishers[0].Client, subscribers);
            Array.ForEach(publishers, p => p.Start());
            await Task.Delay(TimeSpan.FromSeconds(options.Warmup));
            return await MeasureAsync(publishers, subscribers);
        }
        finally
        {
            await Task.WhenAll(publishers.Select(p => p.DisposeAsync().AsTask()));
            await Task.WhenAll(subscribers.Select(s => s.DisposeAsync().AsTask()));
        }
    }

    private async Task<BenchResult> MeasureAsync(PublisherLoad[] publishers, SubscriberLoad[] subscribers)
    {
        Array.ForEach(subscribers, s => s.Measure(on: true));
        var clock = Stopwatch.StartNew();
        var before = Figures.Take(options, publishers, subscribers);
        await Task.Delay(TimeSpan.FromSeconds(options.Seconds));
        var after = Figures.Take(options, publishers, subscribers);
        var seconds = clock.Elapsed.TotalSeconds;
        Array.ForEach(subscribers, s => s.Measure(on: false));

        await Task.WhenAll(publishers.Select(p => p.StopAsync()));
        long[] published = [.. publishers.Select(p => p.Sent)];
        await DrainAsync(subscribers, published.Sum());

        var latency = new LatencyHistogram();
        Array.ForEach(subscribers, s => latency.Add(s.Latency));
        var received = after.Received - before.Received;
        var millions = Math.Max((options.Subscribers > 0 ? received : after.Sent - before.Sent) / 1e6, 1e-9);
        double? daemon = options.DaemonPids.Count > 0 ? after.DaemonCpu - before.DaemonCpu : null;
        return new BenchResult
        {
            EventsPerSecond = Math.Round((after.Sent - before.Sent) / seconds),
            DeliveriesPerSecond = Math.Round(received / seconds),
            LatencyUs = Percentiles(latency),
            Lost = subscribers.Sum(s => s.Lost(published)),
            LostTold = subscribers.Sum(s => s.ToldLost),
            Duplicates = subscribers.Sum(s => s.Duplicates),
            Reordered = subscribers.Sum(s => s.Reordered),
            Verified = options.Verify,
            CpuSecondsPerMillion = new CpuFigures(
                daemon is null ? null : Math.Round(daemon.Value / millions, 4),
                Math.Round((after.OwnCpu - before.OwnCpu + (daemon ?? 0)) / millions, 4)),
            DaemonRssMb = options.DaemonPids.Count > 0
                ? Math.Round(options.DaemonPids.Sum(ProcessFigures.ResidentMegabytes), 1)
                : null,
        };
    }

    /// <summary>Until an event of the publishers' daemon has reached every subscriber, the way is not open.</summary>
    private async Task ProbeAsync(Client publisher, SubscriberLoad[] subscribers)
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

            await publisher.PublishAsync($"{_root}/0", probe);
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

    private static LatencyFigures Percentiles(LatencyHistogram latency) => new(
        Microseconds(latency.Percentile(0.5)),
        Microseconds(latency.Percentile(0.9)),
        Microseconds(latency.Percentile(0.99)),
        Microseconds(latency.Percentile(0.999)),
        Microseconds(latency.MaxNs),
        latency.Count);

    private static double Microseconds(long nanoseconds) => Math.Round(nanoseconds / 1000.0, 1);

    private static T[] MakeAll<T>(int count, Func<int, T> make) => [.. Enumerable.Range(0, count).Select(make)];

    /// <summary>The counters at one moment.</summary>
    private readonly record struct Figures(long Sent, long Received, double OwnCpu, double DaemonCpu)
    {
        internal static Figures Take(BenchOptions options, PublisherLoad[] publishers, SubscriberLoad[] subscribers) =>
            new(
                publishers.Sum(p => p.Sent),
                subscribers.Sum(s => s.TotalReceived),
                Environment.CpuUsage.TotalTime.TotalSeconds,
                options.DaemonPids.Sum(ProcessFigures.CpuSeconds));
    }
}
