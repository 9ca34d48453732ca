// The C# program of use case 3 as it is printed there, in a namespace block. Changed: the two lines that cannot compile
// anywhere (Interlocked on a property, a missing using), the address (a test needs its own), and members at the end of
// the class with which the test looks at it and does not have to wait a minute.
#pragma warning disable IDE0161, IDE0065, CA1001, IDE0005, IDE0055, CA1822, CA1051, CA2201, CA1031, CA1303

using System.Text.Json;

namespace Analytics
{
    using NexusdClient;
    using System.Collections.Concurrent;

    public class RealtimeAggregator
    {
        private readonly NexusdClient _client;
        private readonly ConcurrentDictionary<long, WindowStats> _windows;

        public RealtimeAggregator(string address = "localhost:5672")
        {
            _client = new NexusdClient(address);
            _windows = new ConcurrentDictionary<long, WindowStats>();

            // Start background task to flush windows every 60 seconds
            _ = Task.Run(FlushWindowsPeriodically);
        }

        public async Task Start()
        {
            // Subscribe to all event types
            await foreach (var message in _client.Subscribe(new[] {
                "events/pageviews",
                "events/clicks",
                "events/conversions"
            }))
            {
                await ProcessEvent(message);
            }
        }

        private async Task ProcessEvent(Message message)
        {
            var evt = JsonSerializer.Deserialize<AnalyticsEvent>(message.Payload)!;

            // Update 1-minute window
            var windowKey = GetWindowKey(evt.Timestamp);
            var stats = _windows.GetOrAdd(windowKey, _ => new WindowStats());

            stats.IncrementEvent(evt.EventType);
            stats.AddUser(evt.UserId);

            // Also maintain per-page stats
            if (evt.EventType == "pageview")
            {
                stats.IncrementPage(evt.PageUrl);
            }

            Processed++;
            await Task.CompletedTask;
        }

        private async Task FlushWindowsPeriodically()
        {
            while (true)
            {
                await Task.Delay(TimeSpan.FromSeconds(60));

                await FlushWindowsOnce();
            }
        }

        public async Task FlushWindowsOnce()
        {
            var now = DateTimeOffset.UtcNow;
            var currentWindow = GetWindowKey(now.ToUnixTimeSeconds());

            // Publish completed windows
            foreach (var (windowKey, stats) in _windows)
            {
                if (windowKey < currentWindow)
                {
                    var metrics = new
                    {
                        timestamp = windowKey,
                        total_pageviews = stats.Pageviews,
                        total_clicks = stats.Clicks,
                        total_conversions = stats.Conversions,
                        unique_users = stats.UniqueUsers.Count,
                        top_pages = stats.GetTopPages(10)
                    };

                    await _client.PublishAsync(new PublishRequest
                    {
                        Topic = "metrics/realtime",
                        Payload = JsonSerializer.SerializeToUtf8Bytes(metrics)
                    });

                    // Remove from memory
                    _windows.TryRemove(windowKey, out _);
                }
            }
        }

        private long GetWindowKey(long timestamp)
        {
            // Round down to nearest minute
            return (timestamp / 60) * 60;
        }

        public int Processed { get; private set; }

        public Task StopAsync() => _client.DisposeAsync().AsTask();
    }

    public class WindowStats
    {
        private int _pageviews, _clicks, _conversions;
        public int Pageviews => _pageviews;
        public int Clicks => _clicks;
        public int Conversions => _conversions;
        public HashSet<string> UniqueUsers { get; } = new();
        private readonly ConcurrentDictionary<string, int> _pageViews = new();

        public void IncrementEvent(string eventType)
        {
            switch (eventType)
            {
                case "pageview": Interlocked.Increment(ref _pageviews); break;
                case "click": Interlocked.Increment(ref _clicks); break;
                case "conversion": Interlocked.Increment(ref _conversions); break;
            }
        }

        public void AddUser(string userId)
        {
            lock (UniqueUsers)
            {
                UniqueUsers.Add(userId);
            }
        }

        public void IncrementPage(string pageUrl)
        {
            _pageViews.AddOrUpdate(pageUrl, 1, (_, count) => count + 1);
        }

        public List<(string page, int views)> GetTopPages(int count)
        {
            return _pageViews
                .OrderByDescending(kv => kv.Value)
                .Take(count)
                .Select(kv => (kv.Key, kv.Value))
                .ToList();
        }
    }

    public class AnalyticsEvent
    {
        public string EventType { get; set; } = "";
        public string UserId { get; set; } = "";
        public string PageUrl { get; set; } = "";
        public long Timestamp { get; set; }
    }
}
