using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using NexusD.Protocol;
using NexusD.Protocol.Peer;
using NexusD.Protocol.Topics;

namespace NexusD.Routing.Retained;

/// <summary>
/// The newest event of each topic that was published with retain, and tombstones of those that were deleted; the same
/// on every node (docs/protocol/peer-v1.md, "Retained repair"). Time is passed in.
/// </summary>
/// <remarks>
/// <para>Newest is by (timestamp, publisher, number); what is not newer is not kept. When an event's time to live is
/// over a tombstone of the same version takes its place, so that nodes agree whatever their clocks say and nothing
/// older comes back. A tombstone leaves <see cref="TombstoneMs"/> after its timestamp, that of an expired event so
/// long after its time to live. A late tombstone still deletes what is older.</para>
/// <para>When a budget is reached: expired entries go first, then the oldest tombstones; if that is not enough the new
/// event is refused and counted, and what the topic had is removed, because it is out of date. A tombstone displaces
/// only older ones, so that repair between stores of different size comes to an end.</para>
/// <para>A timestamp above <see cref="LatestTimestamp"/> is not taken: it would win against everything that is written
/// until the clocks have come there.</para>
/// <para>Invariants: entries and bytes never exceed their budgets; <see cref="Digest"/> is the XOR of the entries'
/// digests whatever the order in which they came. For the router's thread.</para>
/// </remarks>
public sealed partial class RetainedStore
{
    /// <summary>How long a deletion is remembered, in milliseconds.</summary>
    public const long TombstoneMs = 3_600_000;

    // An entry with a short topic and a number as its payload.
    private const long SmallEventBytes = 300;

    private const int MostExpiredPropertyBytes = 16;

    private static readonly byte[] _noPayload = new byte[EventRunBody.SizeFieldBytes];

    private readonly RetainedTree _tree = new();
    private readonly ExpiryHeap _tombstones = new();
    private readonly ExpiryHeap _mortal = new();
    private readonly int _maxEvents;
    private readonly long _maxBytes;
    private ulong _now;

    /// <param name="maxEvents">Most events and tombstones together, at least 1.</param>
    /// <param name="maxBytes">
    /// Most bytes of both, at least 1,024; each counts its topic, properties, payload and 256 more.
    /// </param>
    public RetainedStore(int maxEvents, long maxBytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxEvents);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxBytes, 1024);
        _maxEvents = maxEvents;
        _maxBytes = maxBytes;
    }

    /// <summary>Entries, tombstones included; the count of RETAINED_STATE.</summary>
    public int Count { get; private set; }

    /// <summary>Tombstones among the entries.</summary>
    public int Tombstones => _tombstones.Count;

    /// <summary>Bytes that the entries count.</summary>
    public long Bytes { get; private set; }

    /// <summary>Retained events that found no room.</summary>
    public long RefusedEvents { get; private set; }

    /// <summary>Events and tombstones that went because their time was over.</summary>
    public long ExpiredEvents { get; private set; }

    /// <summary>Tombstones that went before their time to make room.</summary>
    public long EvictedTombstones { get; private set; }

    /// <summary>Events that were stamped by a clock too far ahead.</summary>
    public long RefusedAheadEvents { get; private set; }

    /// <summary>The highest timestamp that is taken; by default any.</summary>
    public ulong LatestTimestamp { get; set; } = ulong.MaxValue;

    /// <summary>
    /// Whether an event of a topic that is not here could be kept, if it is small: false in a store at its budget.
    /// </summary>
    public bool HasRoomForMore => Tombstones > 0 || HasRoom(SmallEventBytes);

    /// <summary>Keeps the last event of a run if it is the newest of its topic.</summary>
    /// <param name="nowHlc">A clock value of now; see <see cref="HybridClock"/>.</param>
    /// <returns>True when it is the topic's state now; see <see cref="Apply"/> for the reasons of false.</returns>
    public bool TryApply(in EventRun run, ulong nowHlc) => Apply(run, nowHlc) == RetainedOutcome.Kept;

    /// <summary>Offers the last event of a run; an empty payload deletes the topic.</summary>
    /// <param name="run">The run; borrowed for the call.</param>
    /// <param name="nowHlc">A clock value of now.</param>
    /// <param name="isExpired">Its time to live is over by the clock of who offers it.</param>
    public RetainedOutcome Apply(in EventRun run, ulong nowHlc, bool isExpired = false)
    {
        _now = Math.Max(_now, nowHlc);
        if (run.Timestamp > LatestTimestamp)
        {
            RefusedAheadEvents++;
            return RetainedOutcome.TooFarAhead;
        }

        RetainedEvent? former = _tree.Find(run.Topic.Utf8);
        if (former is not null && !former.IsOlderThan(run))
        {
            return RetainedOutcome.Older;
        }

        ReadOnlySpan<byte> body = run.Body[RunBody.OffsetOf(run.Body, run.Count - 1)..];
        bool isTombstone = IsTombstone(body);
        ulong expiresAt = isTombstone ? TombstoneExpiry(run.Timestamp, 0) : ExpiryOf(run);
        isExpired |= expiresAt <= nowHlc && !isTombstone;
        if (isExpired)
        {
            return ApplyExpired(former, run, nowHlc);
        }

        if (expiresAt > nowHlc)
        {
            return Store(former, run, body, expiresAt, nowHlc);
        }

        if (former is null)
        {
            return RetainedOutcome.Expired;
        }

        Remove(former);
        return RetainedOutcome.Kept;
    }

    /// <summary>Adds the events whose topics match, tombstones and expired ones left out.</summary>
    public void Collect(TopicFilter filter, List<RetainedEvent> into)
    {
        int start = into.Count;
        _tree.Collect(filter, into);
        int kept = start;
        for (int i = start; i < into.Count; i++)
        {
            RetainedEvent retained = into[i];
            if (!retained.IsTombstone && retained.ExpiresAt > _now)
            {
                retained.IsHandedOut = true;
                into[kept++] = retained;
            }
        }

        into.RemoveRange(kept, into.Count - kept);
    }

    /// <summary>Adds matching events to look at them before anything else happens, and not later.</summary>
    /// <returns>False when there may be more than <paramref name="most"/>.</returns>
    public bool List(TopicFilter filter, int most, List<RetainedEvent> into)
    {
        _tree.Collect(filter, into, most + 1);
        bool isWhole = into.Count <= most;
        into.RemoveAll(retained => retained.IsTombstone || retained.ExpiresAt <= _now);
        return isWhole;
    }

    /// <summary>The event or tombstone of a topic.</summary>
    public bool TryGet(Topic topic, [NotNullWhen(true)] out RetainedEvent? retained)
    {
        retained = _tree.Find(topic.Utf8);
        if (retained is not null)
        {
            retained.IsHandedOut = true;
        }

        return retained is not null;
    }

    /// <summary>Removes what is over; call it about once a second.</summary>
    public void Expire(ulong nowHlc)
    {
        _now = Math.Max(_now, nowHlc);
        while (_mortal.First is { } first && first.ExpiresAt <= nowHlc)
        {
            ExpiredEvents++;
            Forget(first);
            KeepExpired(first);
        }

        while (_tombstones.First is { } first && first.ExpiresAt <= nowHlc)
        {
            Remove(first);
            ExpiredEvents++;
        }
    }

    /// <summary>Checks the invariants of the type comment; walks all entries.</summary>
    [Conditional("DEBUG")]
    internal void AssertInvariants()
    {
        ulong digest = 0;
        long bytes = 0;
        int count = 0;
        for (int leaf = 0; leaf < RetainedDigestsFrame.Leaves; leaf++)
        {
            ulong ofLeaf = 0;
            for (RetainedEvent? retained = _leaves?[leaf].First; retained is not null; retained = retained.NextInLeaf)
            {
                count++;
                ofLeaf ^= retained.Digest;
                bytes += retained.CostBytes;
                Debug.Assert(ReferenceEquals(_tree.Find(retained.Topic.Utf8), retained), "the tree lost an event");
            }

            digest ^= ofLeaf;
            Debug.Assert(ofLeaf == LeafDigest(leaf), "a leaf has a wrong digest");
        }

        Debug.Assert(count == Count, "the leaves lost count");
        Debug.Assert(digest == Digest && bytes == Bytes, "the retained store lost count");
        Debug.Assert(bytes <= _maxBytes && Count <= _maxEvents, "the retained store is above its budget");
    }

    /// <summary>Keeps of an event that is over what is needed to know it, and that it is newer than others.</summary>
    private RetainedOutcome ApplyExpired(RetainedEvent? former, in EventRun run, ulong nowHlc)
    {
        ulong expiresAt = TombstoneExpiry(run.Timestamp, run.TimeToLiveMs);
        if (expiresAt > nowHlc)
        {
            Span<byte> properties = stackalloc byte[MostExpiredPropertyBytes];
            EventRun name = run.Skip(run.Count - 1) with { Properties = WriteTimeToLive(properties, run.TimeToLiveMs) };
            RetainedOutcome outcome = Store(former, name, _noPayload, expiresAt, nowHlc, isExpired: true);
            return outcome == RetainedOutcome.Kept ? RetainedOutcome.KeptExpired : outcome;
        }

        if (former is null)
        {
            return RetainedOutcome.Expired;
        }

        Remove(former);
        return RetainedOutcome.KeptExpired;
    }

    private RetainedOutcome Store(
        RetainedEvent? former,
        in EventRun run,
        ReadOnlySpan<byte> body,
        ulong expiresAt,
        ulong nowHlc,
        bool isExpired = false)
    {
        RetainedEvent retained = former is { IsHandedOut: false } ? former : new RetainedEvent(run.Topic);
        if (former is not null)
        {
            // The node in the tree stays where the new event goes to the same place at once.
            Forget(former);
        }

        ulong displaceable = IsTombstone(body) ? expiresAt : ulong.MaxValue;
        if (!MakeRoom(retained.CostOfTaking(run, body.Length), displaceable, nowHlc))
        {
            RefusedEvents++;
            if (former is not null)
            {
                RetainedTree.Remove(former);
            }

            return RetainedOutcome.Refused;
        }

        retained.Assign(run, body, expiresAt, isExpired);
        if (!ReferenceEquals(retained, former))
        {
            _tree.Put(retained);
        }

        Remember(retained);
        return RetainedOutcome.Kept;
    }

    private static bool IsTombstone(ReadOnlySpan<byte> body) => body.Length == EventRunBody.SizeFieldBytes;

    private static ulong ExpiryOf(in EventRun run) => run.TimeToLiveMs == 0
        ? ulong.MaxValue
        : HybridClock.FromUnixMs(HybridClock.UnixMs(run.Timestamp) + run.TimeToLiveMs);

    private static ulong TombstoneExpiry(ulong timestamp, uint timeToLiveMs) =>
        HybridClock.FromUnixMs(HybridClock.UnixMs(timestamp) + timeToLiveMs + TombstoneMs);

    private static ReadOnlySpan<byte> WriteTimeToLive(Span<byte> into, uint timeToLiveMs)
    {
        var properties = new PropertyWriter(into);
        properties.Write(PropertyId.TimeToLive, timeToLiveMs);
        return into[..properties.Written];
    }

    private bool MakeRoom(long bytes, ulong tombstonesBefore, ulong nowHlc)
    {
        if (HasRoom(bytes))
        {
            return true;
        }

        Expire(nowHlc);
        while (!HasRoom(bytes) && _tombstones.First is { } oldest && oldest.ExpiresAt < tombstonesBefore)
        {
            Remove(oldest);
            EvictedTombstones++;
        }

        return HasRoom(bytes);
    }

    private bool HasRoom(long bytes) => Count < _maxEvents && Bytes + bytes <= _maxBytes;

    /// <summary>Puts a tombstone of the same version in the place of an event that was forgotten.</summary>
    private void KeepExpired(RetainedEvent over)
    {
        Span<byte> properties = stackalloc byte[MostExpiredPropertyBytes];
        EventRun name = over.AsRun() with { Properties = WriteTimeToLive(properties, over.TimeToLiveMs) };
        ulong expiresAt = TombstoneExpiry(over.Timestamp, over.TimeToLiveMs);
        RetainedEvent kept = over.IsHandedOut ? new RetainedEvent(over.Topic) : over;
        kept.Assign(name, _noPayload, expiresAt, isExpired: true);
        if (!ReferenceEquals(kept, over))
        {
            _tree.Put(kept);
        }

        Remember(kept);
    }

    private void Remove(RetainedEvent retained)
    {
        Forget(retained);
        RetainedTree.Remove(retained);
    }

    private void Remember(RetainedEvent retained)
    {
        Count++;
        Bytes += retained.CostBytes;
        EnterLeaf(retained);
        HeapOf(retained)?.Add(retained);
    }

    private void Forget(RetainedEvent retained)
    {
        HeapOf(retained)?.Remove(retained);
        Count--;
        Bytes -= retained.CostBytes;
        LeaveLeaf(retained);
    }

    private ExpiryHeap? HeapOf(RetainedEvent retained) =>
        retained.IsTombstone ? _tombstones : retained.ExpiresAt == ulong.MaxValue ? null : _mortal;
}
