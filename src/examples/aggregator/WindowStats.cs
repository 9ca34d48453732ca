namespace Aggregator;

/// <summary>Counts the events of one window. Used by one thread at a time.</summary>
internal sealed class WindowStats
{
    private const int TopPages = 10;

    private readonly HashSet<string> _users = [];
    private readonly Dictionary<string, int> _pages = [];
    private int _pageviews;
    private int _clicks;
    private int _conversions;

    internal void Add(AnalyticsEvent happened)
    {
        switch (happened.EventType)
        {
            case "pageview": _pageviews++; break;
            case "click": _clicks++; break;
            case "conversion": _conversions++; break;
        }

        _users.Add(happened.UserId);
        if (happened is { EventType: "pageview", PageUrl: { } page })
        {
            _pages[page] = _pages.GetValueOrDefault(page) + 1;
        }
    }

    internal WindowMetrics Sum(long start) => new(
        start, _pageviews, _clicks, _conversions, _users.Count,
        _pages.OrderByDescending(p => p.Value).Take(TopPages).ToDictionary(p => p.Key, p => p.Value));
}
