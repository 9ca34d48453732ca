using System.Text.Json;
using Aggregator;
using NexusdClient;

// Real-time aggregation of the analytics use case: counts events/pageview, events/click and events/conversion by window
// and publishes each finished window, retained, to metrics/realtime. NEXUSD_ADDR says where the daemon is.
if (args is not ([] or ["--window", _]) || !long.TryParse(args is [_, var text] ? text : "60", out var window)
    || window < 1)
{
    Console.Error.WriteLine("Usage: aggregator [--window SECONDS]      length of a window, 1 or more [60]");
    return 2;
}

using var stop = new CancellationTokenSource();
Console.CancelKeyPress += (_, pressed) =>
{
    pressed.Cancel = true;
    stop.Cancel();
};

await using var client = new Client();
var windows = new SortedDictionary<long, WindowStats>();
var events = client.Subscribe(
    ["events/pageview", "events/click", "events/conversion"], cancellationToken: stop.Token);
await events.StartAsync(stop.Token);
Console.WriteLine($"aggregating windows of {window} s");
var flushing = FlushAsync();
try
{
    await foreach (var message in events)
    {
        if (Read(message) is { } happened)
        {
            lock (windows)
            {
                var start = happened.Timestamp / window * window;
                if (!windows.TryGetValue(start, out var stats))
                {
                    windows.Add(start, stats = new WindowStats());
                }

                stats.Add(happened);
            }
        }
    }
}
catch (OperationCanceledException)
{
}

await flushing;
return 0;

static AnalyticsEvent? Read(Message message)
{
    try
    {
        return JsonSerializer.Deserialize(message.Payload, Json.Default.AnalyticsEvent);
    }
    catch (JsonException e)
    {
        Console.Error.WriteLine($"{message.Topic}: no event of the collector, passed over: {e.Message}");
        return null;
    }
}

async Task FlushAsync()
{
    using var pace = new PeriodicTimer(TimeSpan.FromSeconds(Math.Min(window, 5) / 2.0));
    try
    {
        while (await pace.WaitForNextTickAsync(stop.Token))
        {
            var current = DateTimeOffset.UtcNow.ToUnixTimeSeconds() / window * window;
            foreach (var metrics in TakeFinished(current))
            {
                await client.PublishAsync(
                    new PublishRequest
                    {
                        Topic = "metrics/realtime",
                        Payload = JsonSerializer.SerializeToUtf8Bytes(metrics, Json.Default.WindowMetrics),
                        Retain = true,
                    },
                    stop.Token);
            }
        }
    }
    catch (OperationCanceledException)
    {
    }
}

List<WindowMetrics> TakeFinished(long current)
{
    lock (windows)
    {
        List<WindowMetrics> finished = [.. windows.Where(w => w.Key < current).Select(w => w.Value.Sum(w.Key))];
        finished.ForEach(m => windows.Remove(m.Timestamp));
        return finished;
    }
}
