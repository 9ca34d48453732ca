using NexusD.Protocol;

namespace NexusD.Sessions;

/// <summary>
/// What all sessions did so far. Written on the loop's thread; each value may be read on any thread and only grows,
/// apart from those said to be of the moment.
/// </summary>
/// <remarks>
/// Invariant, at the end of each turn and for live and closed subscriptions together: MatchedEvents = DeliveredEvents +
/// ReroutedEvents + QueuedEvents + dropped events of all reasons. Nothing is lost uncounted.
/// </remarks>
public sealed class SessionStatistics
{
    internal long EventsInCount;
    internal long BytesInCount;
    internal long MatchedCount;
    internal long DeliveredCount;
    internal long ReroutedCount;
    internal long DeliveredBytesCount;
    internal long QueuedCount;
    internal long DuplicateCount;
    internal long RetainedSentCount;
    internal long AcceptedCount;
    internal long OpenCount;
    internal long SubscriptionCount;
    internal long KeptCount;
    internal long KeptBytesCount;
    internal long TakenOverCount;
    internal long KeepOverCount;
    internal long SentAgainCount;

    private const int Codes = (int)ErrorCode.TakenOver + 1;

    private readonly long[] _dropped = new long[DropReasonNames.Count];
    private readonly long[] _refused = new long[Codes];

    /// <summary>Events that applications published, refused ones not counted.</summary>
    public long EventsIn => Volatile.Read(ref EventsInCount);

    /// <summary>Bytes of their frames.</summary>
    public long BytesIn => Volatile.Read(ref BytesInCount);

    /// <summary>Events that subscriptions should get: one event for three of them counts three.</summary>
    public long MatchedEvents => Volatile.Read(ref MatchedCount);

    /// <summary>Events written to clients.</summary>
    public long DeliveredEvents => Volatile.Read(ref DeliveredCount);

    /// <summary>Events that went on to another member of a group because theirs had left.</summary>
    public long ReroutedEvents => Volatile.Read(ref ReroutedCount);

    /// <summary>Bytes of the frames of delivered events.</summary>
    public long DeliveredBytes => Volatile.Read(ref DeliveredBytesCount);

    /// <summary>Of the moment: events that wait in subscriptions' queues.</summary>
    public long QueuedEvents => Volatile.Read(ref QueuedCount);

    /// <summary>
    /// Published events that had been published before with the same number, and were not delivered again.
    /// </summary>
    public long DuplicateEvents => Volatile.Read(ref DuplicateCount);

    /// <summary>Of the delivered events those from the retained store.</summary>
    public long RetainedSentEvents => Volatile.Read(ref RetainedSentCount);

    /// <summary>Connections accepted, refused ones included.</summary>
    public long AcceptedConnections => Volatile.Read(ref AcceptedCount);

    /// <summary>Of the moment: sessions.</summary>
    public long Sessions => Volatile.Read(ref OpenCount);

    /// <summary>Of the moment: subscriptions.</summary>
    public long Subscriptions => Volatile.Read(ref SubscriptionCount);

    /// <summary>Of the moment: subscriptions that wait for their client without a connection.</summary>
    public long KeptSubscriptions => Volatile.Read(ref KeptCount);

    /// <summary>Of the moment: bytes that these hold, in their queues or sent and not confirmed.</summary>
    public long KeptBytes => Volatile.Read(ref KeptBytesCount);

    /// <summary>Subscriptions that went on in another connection.</summary>
    public long TakenOverSubscriptions => Volatile.Read(ref TakenOverCount);

    /// <summary>Subscriptions that ended because nobody came for them in time, or others needed the room.</summary>
    public long KeepsOver => Volatile.Read(ref KeepOverCount);

    /// <summary>
    /// Events that were written a second time, or wait to be, because the first time was not confirmed. They count as
    /// matched and delivered once more.
    /// </summary>
    public long SentAgainEvents => Volatile.Read(ref SentAgainCount);

    /// <summary>Events dropped on their way to subscriptions for a reason.</summary>
    public long DroppedEvents(DropReason reason) => Volatile.Read(ref _dropped[(int)reason]);

    /// <summary>Requests refused and sessions ended with an error.</summary>
    public long Refusals(ErrorCode code) => Volatile.Read(ref _refused[(int)code]);

    internal void CountDropped(DropReason reason, long events) => _dropped[(int)reason] += events;

    internal void CountRefusal(ErrorCode code) => _refused[(int)code]++;
}
