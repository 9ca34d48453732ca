using System.Diagnostics.CodeAnalysis;

namespace NexusD.Routing.Topics;

/// <summary>The topics that the router knows by name: bounded, found without making a string.</summary>
/// <remarks>
/// Invariant: a topic is in the set exactly when it is in the ring; only such topics hold a route
/// (see <see cref="Router"/>), so what leaves here leaves its route.
/// </remarks>
internal sealed class TopicTable
{
    private readonly HashSet<Topic> _byName = new(new NameComparer());
    private readonly HashSet<Topic>.AlternateLookup<ReadOnlySpan<byte>> _lookup;
    private readonly ClockRing<Topic> _ring;

    public TopicTable(int capacity)
    {
        _lookup = _byName.GetAlternateLookup<ReadOnlySpan<byte>>();
        _ring = new ClockRing<Topic>(capacity);
    }

    public int Count => _ring.Count;

    public long Evictions { get; private set; }

    public Topic this[int index] => _ring[index];

    public bool TryGet(ReadOnlySpan<byte> name, [NotNullWhen(true)] out Topic? topic) =>
        _lookup.TryGetValue(name, out topic);

    /// <summary>Adds a topic that is not there and returns the one that had to go for it, or null.</summary>
    public Topic? Add(Topic topic)
    {
        Topic? evicted = _ring.Add(topic);
        if (evicted is not null)
        {
            _byName.Remove(evicted);
            Evictions++;
        }

        _byName.Add(topic);
        return evicted;
    }

    private sealed class NameComparer : IEqualityComparer<Topic>, IAlternateEqualityComparer<ReadOnlySpan<byte>, Topic>
    {
        public bool Equals(Topic? x, Topic? y) => ReferenceEquals(x, y)
            || (x is not null && y is not null && x.Hash == y.Hash && x.Utf8.SequenceEqual(y.Utf8));

        public int GetHashCode(Topic obj) => (int)obj.Hash;

        public bool Equals(ReadOnlySpan<byte> alternate, Topic other) => alternate.SequenceEqual(other.Utf8);

        public int GetHashCode(ReadOnlySpan<byte> alternate) => (int)LevelHash.Compute(alternate);

        public Topic Create(ReadOnlySpan<byte> alternate) => new(alternate, LevelHash.Compute(alternate));
    }
}
