namespace NexusD.Routing.Queues;

/// <summary>What a full queue does with the next run.</summary>
public enum OverflowPolicy
{
    /// <summary>Makes room by dropping the oldest events.</summary>
    DropOldest = 0,
}
