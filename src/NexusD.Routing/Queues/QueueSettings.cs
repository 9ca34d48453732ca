using NexusD.Protocol;

namespace NexusD.Routing.Queues;

/// <summary>How one subscription's queue is bounded.</summary>
/// <param name="MaxEvents">Most events that wait, at least 1.</param>
/// <param name="MaxBytes">
/// Most bytes that they count; raised to <see cref="SubscriptionQueue.MinimumMaxBytes"/> when below.
/// </param>
/// <param name="Policy">What happens when it is full.</param>
public readonly record struct QueueSettings(
    int MaxEvents, long MaxBytes, OverflowPolicy Policy = OverflowPolicy.DropOldest);
