using NexusD.Buffers;

namespace NexusD.Routing;

/// <content>What the router holds outside of slabs, for the memory budget.</content>
public sealed partial class Router : IMemoryHolder
{
    // Measured on 64 bits, objects with their places in tables; names and filters of the usual lengths.
    private const int TopicBytes = 280;
    private const int RouteEntryBytes = 24;
    private const int PublisherBytes = 168;
    private const int FilterBytes = 320;
    private const int FilterUseBytes = 72;

    /// <inheritdoc/>
    public void AddHeld(Span<long> bytesByKind)
    {
        bytesByKind[(int)MemoryKind.Retained] += Retained.Bytes;
        bytesByKind[(int)MemoryKind.Recovery] += Recovery?.Bytes ?? 0;
        bytesByKind[(int)MemoryKind.Topics] += ((long)_topics.Count * TopicBytes)
            + (_cachedEntries * RouteEntryBytes)
            + ((long)Publishers.Count * PublisherBytes);
        bytesByKind[(int)MemoryKind.Filters] += ((long)(_subscriptions.Filters + _interests.Filters) * FilterBytes)
            + ((long)(_subscriptions.Entries + _interests.Entries) * FilterUseBytes);
    }

    /// <inheritdoc/>
    public void ShrinkCaches(long bytes)
    {
        if (!_isReplaying)
        {
            Recovery?.GiveUp(bytes);
        }
    }

    /// <inheritdoc/>
    public void AddLines(MemoryLevels levels)
    {
        // Its queues belong to the sessions, and retained events stay.
    }

    /// <inheritdoc/>
    public void Lower(long ceiling)
    {
    }
}
