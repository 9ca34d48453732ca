using NexusD.Protocol.App;
using NexusD.Routing.Queues;
using NexusD.Routing.Recovery;

namespace NexusD.Sessions;

/// <content>
/// Life without a connection: a subscription that is kept goes on to queue, and holds what it sent until the client has
/// said by CREDIT that it took it.
/// </content>
internal sealed partial class Subscription
{
    private Keep? _keep;
    private bool _isSuspended;
    private bool _isOffering; // what waits is in use by others

    /// <summary>What makes it outlive its connection; null: it does not.</summary>
    public Keep? Keep => _keep;

    /// <summary>Where it sends to; null: nowhere.</summary>
    public AppSession? Session => _session;

    /// <summary>Bytes that it holds.</summary>
    public long HeldBytes => _queue is { } queue ? queue.Bytes + queue.UnconfirmedBytes : 0;

    /// <summary>What it holds while it has no connection, in the name of the app that had it.</summary>
    public HeldByClient HeldWithoutSession() => new(_keep!.Owner.SessionId, _keep.Owner.ClientName, HeldBytes);

    /// <summary>How much of what was sent is confirmed.</summary>
    public StreamPosition Confirmed => _queue?.ConfirmedPosition ?? default;

    /// <summary>From now on it outlives its connection; before anything was sent.</summary>
    public void StartKeep(Keep keep)
    {
        _keep = keep;
        Queue().HoldSent();
    }

    /// <summary>Its connection is gone.</summary>
    public void Detach()
    {
        _session = null;
        _credit = 0;
        IsInLine = false;
        Suspend();
    }

    /// <summary>Sends nothing until it goes on; what comes waits.</summary>
    public void Suspend()
    {
        _isSuspended = true;
        _isBacklogged = true;
        _table.Router.SetAway(this, isAway: true);
    }

    /// <summary>Goes on to send.</summary>
    public void GoOn()
    {
        _isSuspended = false;
        _table.Router.SetAway(this, isAway: false);
        _session?.Line(this);
    }

    /// <summary>A client is back for it: what that did not receive is sent again first.</summary>
    /// <param name="session">The client's session.</param>
    /// <param name="id">Its number there.</param>
    /// <param name="credit">What may be sent, in bytes; not 0.</param>
    /// <param name="position">How far the client received; null: not known.</param>
    /// <param name="had">What it says it had; null: not known.</param>
    public void Attach(AppSession session, uint id, uint credit, StreamPosition? position, ResumePoint? had)
    {
        _session = session;
        Id = id;
        _credit = credit;
        _hasCreditLimit = true;
        IsInLine = false;
        SubscriptionQueue queue = Queue();
        int queued = queue.Events;
        long dropped = queue.DroppedEventsSum;
        int again = queue.SendAgain(position, had);
        Matched += again;
        _table.Statistics.MatchedCount += again;
        _table.Statistics.SentAgainCount += again - (queue.DroppedEventsSum - dropped);
        Settle(queue, queued);
        _isBacklogged = true;
        GoOn();
        AssertInvariants();
    }

    /// <summary>Offers what waits to the other members of its groups.</summary>
    public void OfferToOthers()
    {
        if (_queue is not { } queue || _groups is null)
        {
            return;
        }

        int queued = queue.Events;
        _isOffering = true;
        while (queue.TryPeekNew(_table.NowHlc(), out Routing.EventRun run)
            && _table.Router.Reroute(_groups, run, this))
        {
            Rerouted += run.Count;
            _table.Statistics.ReroutedCount += run.Count;
            queue.DequeueNew();
        }

        _isOffering = false;
        Settle(queue, queued);
        AssertInvariants();
    }

    /// <summary>Whether others could have what waits for it.</summary>
    public bool IsGroupMember => _groups is not null;

    public KeptSnapshot? TakeKeptSnapshot()
    {
        if (_keep is not { } keep)
        {
            return null;
        }

        long now = _table.Loop.NowNs;
        return new KeptSnapshot(
            keep.Milliseconds,
            keep.IsPaused,
            keep.IsDetached,
            keep.DueNs == 0 ? 0 : (now - keep.SinceNs) / 1_000_000,
            keep.DueNs == 0 ? 0 : Math.Max(0, keep.DueNs - now) / 1_000_000,
            _queue?.UnconfirmedEvents ?? 0,
            _queue?.UnconfirmedBytes ?? 0);
    }

    /// <summary>While it has no connection it stands in the list of sessions for itself.</summary>
    public SessionSnapshot TakeSessionSnapshot()
    {
        KeptOwner owner = _keep!.Owner;
        var dropped = new long[NexusD.Protocol.DropReasonNames.Count];
        AddDropsTo(dropped);
        return new SessionSnapshot
        {
            Id = owner.SessionId,
            ClientName = owner.ClientName,
            ClientLibrary = owner.ClientLibrary,
            PublisherId = owner.PublisherId,
            Credentials = null,
            RemoteEndPoint = null,
            ConnectedUnixMs = owner.ConnectedUnixMs,
            Subscriptions = 1,
            Details = [TakeSnapshot()],
            IsKept = true,
            IsHeldUp = false,
            EventsIn = 0,
            BytesIn = 0,
            EventsOut = 0,
            BytesOut = 0,
            PendingBytes = 0,
            QueuedEvents = QueuedEvents,
            QueueDepthMax = QueuedEvents,
            DroppedEvents = dropped,
            DuplicateEvents = 0,
            Refusals = 0,
        };
    }

    private void NoteKeptBytes()
    {
        if (_keep is { IsDetached: true })
        {
            _table.Kept.Resize(this);
        }
    }
}
