using NexusD.Routing.Topics;

namespace NexusD.Routing.Publishers;

/// <summary>The publishers whose events were seen lately, here or from peers; bounded.</summary>
/// <remarks>
/// A publisher that had to leave and comes back is new: duplicates of what it sent before are not known as such.
/// </remarks>
public sealed class PublisherTable
{
    private readonly Dictionary<ulong, PublisherRecord> _byId = [];
    private readonly ClockRing<PublisherRecord> _ring;
    private PublisherRecord? _latest;

    /// <param name="capacity">Most publishers known at a time, at least 1.</param>
    public PublisherTable(int capacity)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(capacity);
        _ring = new ClockRing<PublisherRecord>(capacity);
    }

    public int Count => _ring.Count;

    /// <summary>Publishers given up for others.</summary>
    public long Evictions { get; private set; }

    /// <summary>
    /// The record of a publisher; a new one, in place of one not used lately if need be, when there is none.
    /// </summary>
    public PublisherRecord GetOrAdd(ulong id)
    {
        if (_latest is { } latest && latest.Id == id)
        {
            latest.WasUsed = true;
            return latest;
        }

        if (!_byId.TryGetValue(id, out PublisherRecord? record))
        {
            record = new PublisherRecord(id);
            if (_ring.Add(record) is { } evicted)
            {
                _byId.Remove(evicted.Id);
                Evictions++;
            }

            _byId.Add(id, record);
        }
        else
        {
            record.WasUsed = true;
        }

        _latest = record;
        return record;
    }

    /// <summary>The record of a publisher, or null.</summary>
    public PublisherRecord? Find(ulong id) => _byId.GetValueOrDefault(id);
}
