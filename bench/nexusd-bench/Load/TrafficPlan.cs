using System.Globalization;

namespace NexusdBench;

/// <summary>Who publishes what to whom in one run.</summary>
internal sealed record TrafficPlan
{
    /// <summary>What is special about this run, for people and for CSV.</summary>
    internal required string Title { get; init; }

    /// <summary>Daemon of the publishers; null: as every client.</summary>
    internal required string? PublisherAddress { get; init; }

    /// <summary>Daemon of each subscriber.</summary>
    internal required IReadOnlyList<string?> SubscriberAddresses { get; init; }

    internal required int Publishers { get; init; }

    internal required int Topics { get; init; }

    /// <summary>Whether each event's topic is drawn at random; else they come in turn.</summary>
    internal bool DrawsTopics { get; init; }

    /// <summary>Whether a subscriber has one subscription for each topic; else one for all.</summary>
    internal bool SubscribesToEach { get; init; }

    /// <summary>Whether one more subscriber takes part that never reads.</summary>
    internal bool HasStuckSubscriber { get; init; }

    internal required IReadOnlyList<MeasuredDaemon> Daemons { get; init; }

    /// <summary>First levels of all topics, so that runs at the same daemon do not meet.</summary>
    internal string Root { get; } =
        string.Create(CultureInfo.InvariantCulture, $"bench/{Environment.ProcessId}-{Random.Shared.Next():x}");

    /// <summary>The filter for all topics of the run.</summary>
    internal string WholeFilter => Root + "/#";

    internal string[] TopicNames() =>
        [.. Enumerable.Range(0, Topics).Select(k => DrawsTopics ? $"{Root}/{k}/x{k % 10}/state" : $"{Root}/{k}")];

    internal string[] Filters() => SubscribesToEach
        ? [.. Enumerable.Range(0, Topics).Select(k => $"{Root}/{k}/*/state")]
        : [WholeFilter];
}
