namespace NexusD.Routing.Topics;

/// <summary>What a <see cref="ClockRing{T}"/> notes on each of its items.</summary>
internal interface IEvictable
{
    /// <summary>Used since the hand passed last.</summary>
    bool WasUsed { get; set; }

    /// <summary>Held by somebody; evicted only when everything else is held too.</summary>
    bool IsPinned { get; }

    /// <summary>Place in the ring; -1: not in it.</summary>
    int RingIndex { get; set; }
}
