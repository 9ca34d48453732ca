using NexusD.Protocol;

namespace NexusD.Routing.Retained;

/// <summary>The retained event of a topic, or the tombstone that says it was deleted.</summary>
/// <remarks>
/// Once the store has handed it out it never changes: a newer event of the topic is another object. Until then the
/// store writes newer events into the same object, so that a topic nobody reads back allocates nothing.
/// </remarks>
public sealed class RetainedEvent
{
    // What an entry costs beside topic and content: this object, its array, its place in tree, leaf and heap.
    private const int OverheadBytes = 256;

    private byte[] _content = [];
    private int _propertiesBytes;
    private int _bodyBytes;

    internal RetainedEvent(Topic topic)
    {
        Topic = topic;
        TopicHash = Fnv1a64.Hash(topic.Utf8);
    }

    public Topic Topic { get; }

    public ulong Publisher { get; private set; }

    public ulong Number { get; private set; }

    public ulong Timestamp { get; private set; }

    public Priority Priority { get; private set; }

    /// <summary>Milliseconds from <see cref="Timestamp"/>; 0: no limit.</summary>
    public uint TimeToLiveMs { get; private set; }

    /// <summary>The property list as in frames, without the topic.</summary>
    public ReadOnlySpan<byte> Properties => _content.AsSpan(0, _propertiesBytes);

    /// <summary>One { u32 size, payload }.</summary>
    public ReadOnlySpan<byte> Body => _content.AsSpan(_propertiesBytes, _bodyBytes);

    /// <summary>True when the topic was deleted: the payload is empty.</summary>
    public bool IsTombstone => _bodyBytes == EventRunBody.SizeFieldBytes;

    /// <summary>
    /// True when the event's time to live is over: a tombstone stands in its place, so that an older event that another
    /// node still has does not come back.
    /// </summary>
    public bool IsExpired { get; private set; }

    /// <summary>The event as a run of one, flagged as one from the store.</summary>
    public EventRun AsRun() => new()
    {
        Topic = Topic,
        Publisher = Publisher,
        Number = Number,
        Timestamp = Timestamp,
        Count = 1,
        Flags = RunFlags.Retain | RunFlags.Retained,
        Priority = Priority,
        TimeToLiveMs = TimeToLiveMs,
        Properties = Properties,
        Body = Body,
    };

    /// <summary>First clock value at which the event, or the memory of its deletion, is of no use any more.</summary>
    internal ulong ExpiresAt { get; private set; }

    /// <summary>What the event counts against the store's budget, in bytes.</summary>
    internal long CostBytes { get; private set; }

    /// <summary>What the event adds to the store's digest.</summary>
    internal ulong Digest { get; private set; }

    /// <summary>Somebody outside the store may hold this object.</summary>
    internal bool IsHandedOut { get; set; }

    internal RetainedNode? Node { get; set; }

    /// <summary>64-bit FNV-1a of the topic; says which leaf of the digests the event is in.</summary>
    internal ulong TopicHash { get; }

    /// <summary>The next event of the same leaf.</summary>
    internal RetainedEvent? NextInLeaf { get; set; }

    /// <inheritdoc cref="NextInLeaf"/>
    internal RetainedEvent? PreviousInLeaf { get; set; }

    internal int HeapIndex { get; set; } = -1;

    /// <summary>Whether the last event of a run is newer than this one.</summary>
    internal bool IsOlderThan(in EventRun run) =>
        (Timestamp, Publisher, Number).CompareTo((run.Timestamp, run.Publisher, run.LastNumber)) < 0;

    /// <summary>What the event will count after it took over a run's last event.</summary>
    internal long CostOfTaking(in EventRun run, int bodyBytes) =>
        OverheadBytes + run.Topic.Utf8.Length + CapacityFor(run.Properties.Length + bodyBytes);

    /// <summary>Takes over the last event of a run.</summary>
    internal void Assign(in EventRun run, ReadOnlySpan<byte> lastBody, ulong expiresAt, bool isExpired)
    {
        int capacity = CapacityFor(run.Properties.Length + lastBody.Length);
        if (_content.Length != capacity)
        {
            _content = new byte[capacity];
        }

        run.Properties.CopyTo(_content);
        lastBody.CopyTo(_content.AsSpan(run.Properties.Length));
        _propertiesBytes = run.Properties.Length;
        _bodyBytes = lastBody.Length;
        Publisher = run.Publisher;
        Number = run.LastNumber;
        Timestamp = run.Timestamp;
        Priority = run.Priority;
        TimeToLiveMs = run.TimeToLiveMs;
        ExpiresAt = expiresAt;
        IsExpired = isExpired;
        CostBytes = OverheadBytes + Topic.Utf8.Length + capacity;
        Digest = Fnv1a64.RetainedVersion(TopicHash, Timestamp, Publisher, Number);
    }

    // Events of a topic are of similar size: the array is used again unless it is too small or far too large.
    private int CapacityFor(int bytes) =>
        bytes <= _content.Length && _content.Length <= (bytes * 2L) + 64 ? _content.Length : bytes;
}
