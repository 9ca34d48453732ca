using System.Text.Json.Serialization;

namespace Aggregator;

/// <summary>What the collector publishes; members that are not counted are left out.</summary>
internal sealed record AnalyticsEvent(string EventType, string UserId, string? PageUrl, long Timestamp);

/// <summary>The figures of one window.</summary>
internal sealed record WindowMetrics(
    long Timestamp,
    int TotalPageviews,
    int TotalClicks,
    int TotalConversions,
    int UniqueUsers,
    Dictionary<string, int> TopPages);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(AnalyticsEvent))]
[JsonSerializable(typeof(WindowMetrics))]
internal sealed partial class Json : JsonSerializerContext;
