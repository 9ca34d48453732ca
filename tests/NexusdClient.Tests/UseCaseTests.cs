using System.Text.Json;

namespace NexusdClient.Tests;

/// <summary>The class of the published use case, word for word, does its work.</summary>
public sealed class UseCaseTests
{
    [Fact]
    public async Task The_aggregator_of_the_use_case_receives_and_publishes()
    {
        await using var daemon = new RealDaemon();
        Environment.SetEnvironmentVariable("NEXUSD_ADDR", null);
        daemon.Observe();
        await using var publisher = new Client(daemon.Address);
        var aggregator = new Analytics.RealtimeAggregator(daemon.Address);
        var running = aggregator.Start();
        await Wait.UntilAsync("the aggregator subscribed", () => daemon.Statistics.Subscriptions == 1);

        foreach (var type in new[] { "pageview", "click", "conversion", "pageview" })
        {
            var evt = new Analytics.AnalyticsEvent
            {
                EventType = type, UserId = "u1", PageUrl = "/home", Timestamp = 1_700_000_000,
            };
            await publisher.PublishAsync(new PublishRequest
            {
                Topic = $"events/{type}s",
                Payload = JsonSerializer.SerializeToUtf8Bytes(evt),
            });
        }

        await publisher.FlushAsync().InTimeAsync();
        await Wait.UntilAsync("four events were counted", () => aggregator.Processed == 4);
        await aggregator.FlushWindowsOnce();
        var metrics = (await daemon.TakenAsync(5)).Single(t => t.Topic == "metrics/realtime");
        var json = JsonDocument.Parse(metrics.Payload).RootElement;
        Assert.Equal(2, json.GetProperty("total_pageviews").GetInt32());
        Assert.Equal(1, json.GetProperty("total_clicks").GetInt32());
        Assert.Equal(1, json.GetProperty("unique_users").GetInt32());
        await aggregator.StopAsync();
        await running.InTimeAsync();
    }

    [Fact]
    public async Task The_constructor_does_no_io_and_does_not_fail_without_a_daemon()
    {
        await using var client = new NexusdClient("localhost:5672");
        Assert.Equal(ConnectionState.Idle, client.State);
    }
}
