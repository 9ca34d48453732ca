using NexusD.Protocol;
using NexusD.Routing.Publishers;
using NexusD.Transport;

namespace NexusD.Sessions;

/// <summary>
/// One application's connection (docs/protocol/app-v1.md). Split by role: .Receive cuts frames, .Commands does what
/// each asks for, .Publish is the way of events in, .Send the way out.
/// </summary>
/// <remarks>
/// Life: greeting -> hello -> open -> (draining) -> closing. Draining: the client said that it is done and gets what is
/// due to it. Closing: everything is written, the transport sends it and closes. Used on the loop's thread only.
/// </remarks>
internal sealed partial class AppSession : IStreamConsumer
{
    private readonly SessionTable _table;
    private readonly StreamConnection _connection;
    private readonly Dictionary<uint, Subscription> _subscriptions = [];
    private readonly long _connectedUnixMs;
    private State _state = State.Greeting;
    private PublisherRecord? _publisher;
    private string _clientName = "";
    private string _clientLibrary = "";
    private long _eventsIn;
    private long _eventsOut;
    private long _duplicates;
    private long _refusals;
    private long[]? _dropsOfClosed;

    public AppSession(SessionTable table, StreamConnection connection, long id)
    {
        _table = table;
        _connection = connection;
        Id = id;
        _connectedUnixMs = table.NowUnixMs();
        LastHeardNs = table.Loop.NowNs;
        _incoming = new IncomingAliases(table.AliasesForNewSession);
        _outgoing = new OutgoingAliases(0, table.Epochs);
        _window = new SendWindow(table.Memory.WindowBytes);
    }

    private enum State : byte
    {
        Greeting,
        Hello,
        Open,
        Draining,
        Closing,
    }

    /// <summary>Number of the session in this daemon.</summary>
    public long Id { get; }

    /// <summary>Place in the table.</summary>
    public int Index { get; set; }

    /// <summary>When bytes came last, in loop time.</summary>
    public long LastHeardNs { get; private set; }

    /// <summary>Its place among the sessions that have yet to introduce themselves.</summary>
    internal LinkedListNode<(AppSession Session, long DueNs)>? Handshake { get; set; }

    /// <summary>Whether greeting and HELLO are over.</summary>
    public bool IsWelcome => _state > State.Hello;

    public ulong PublisherId => _publisher?.Id ?? 0;

    public SessionStatistics Statistics => _table.Statistics;

    public string NodeName => _table.Options.NodeName;

    /// <summary>Its open subscriptions.</summary>
    public Dictionary<uint, Subscription>.ValueCollection Subscriptions => _subscriptions.Values;

    /// <summary>What it makes the daemon hold.</summary>
    public HeldByClient Held()
    {
        long bytes = AliasBytes + _connection.PendingBytes + _connection.UnfinishedBytes;
        foreach (Subscription subscription in _subscriptions.Values)
        {
            bytes += subscription.HeldBytes;
        }

        return new HeldByClient(Id, _clientName, bytes);
    }

    /// <summary>What its aliases hold.</summary>
    public long AliasBytes => _incoming.Bytes;

    /// <summary>What it sent and is not used yet, as far as it does not lie in slabs.</summary>
    public long UnusedBytes => _connection.KeptBytes;

    /// <summary>How many bytes may be on their way to the client before its subscriptions queue.</summary>
    public void SetWindow(int bytes) => _window.SetLeast(bytes, ref _table.WindowAllowance);

    /// <summary>Bytes that the client has not taken yet.</summary>
    public long PendingBytes => _connection.PendingBytes;

    /// <summary>Tells the client that the daemon is leaving; it may go on until it closes.</summary>
    public void SendGoAway()
    {
        if (_state == State.Open)
        {
            WriteGoAway();
        }
    }

    /// <summary>The client was silent for too long.</summary>
    public void EndIdle()
    {
        if (IsHeldByQueue || _waitsToPublish || _awaitedPublisher != 0 || _connection.IsAwaitingMemory)
        {
            LastHeardNs = _table.Loop.NowNs; // it is not its fault that nothing is heard
            return;
        }

        if (_state == State.Greeting)
        {
            // Whoever it is, it has not said that it speaks this protocol.
            Statistics.CountRefusal(ErrorCode.Idle);
            _connection.Close();
        }
        else if (_state == State.Hello)
        {
            Fail(ErrorCode.Idle, "No HELLO came within the handshake time-out; send it right after the greeting.");
        }
        else if (_state == State.Open)
        {
            Fail(ErrorCode.Idle, "Nothing was heard for the idle time-out; send a PING now and then.");
        }
    }

    /// <summary>Ends the session at once.</summary>
    public void Close() => _connection.Close();

    /// <inheritdoc/>
    public void OnEndOfInput(int unusedBytes)
    {
        DetachKept(isBroken: true);
        Drain();
    }

    /// <inheritdoc/>
    public void OnStalled(int haveBytes, int frameBytes)
    {
        if (_state >= State.Draining)
        {
            _connection.Close();
            return;
        }

        Fail(ErrorCode.Idle, $"A frame of {frameBytes} bytes stopped after {haveBytes}: of a frame under way "
            + $"{StreamTransport.LeastProgressBytes} bytes, or the rest, must come within "
            + $"{_table.Options.FrameTimeout.TotalSeconds:0.###} s. Write frames whole, or send large data in pieces.");
    }

    /// <inheritdoc/>
    public void OnClosed(StreamCloseReason reason)
    {
        _state = State.Closing;
        _table.Waits.Forget(this, _awaitedPublisher);
        EndWaitToPublish();
        EndAllHolds();
        DetachKept(isBroken: true);
        CloseSubscriptions();
        _window.Reset(ref _table.WindowAllowance);
        _publisher?.Unpin();
        _table.Remove(this);
    }

    /// <summary>Events in the longest queue of its subscriptions.</summary>
    public int DeepestQueue()
    {
        int deepest = 0;
        foreach (Subscription subscription in _subscriptions.Values)
        {
            deepest = Math.Max(deepest, subscription.QueuedEvents);
        }

        return deepest;
    }

    /// <summary>The session now, with up to <paramref name="maxDetails"/> of its subscriptions.</summary>
    public SessionSnapshot TakeSnapshot(int maxDetails)
    {
        var dropped = (long[]?)_dropsOfClosed?.Clone() ?? new long[DropReasonNames.Count];
        long queued = 0;
        int deepest = 0;
        var details = new List<SubscriptionSnapshot>(Math.Min(_subscriptions.Count, maxDetails));
        foreach (Subscription subscription in _subscriptions.Values)
        {
            if (details.Count < maxDetails)
            {
                details.Add(subscription.TakeSnapshot());
            }

            subscription.AddDropsTo(dropped);
            queued += subscription.QueuedEvents;
            deepest = Math.Max(deepest, subscription.QueuedEvents);
        }

        return new SessionSnapshot
        {
            Id = Id,
            ClientName = _clientName,
            ClientLibrary = _clientLibrary,
            PublisherId = PublisherId,
            Credentials = _connection.GetPeerCredentials(),
            RemoteEndPoint = _connection.GetRemoteEndPoint(),
            ConnectedUnixMs = _connectedUnixMs,
            Subscriptions = _subscriptions.Count,
            Details = details,
            IsHeldUp = IsHeldByQueue || _waitsToPublish || _connection.IsAwaitingMemory,
            EventsIn = _eventsIn,
            BytesIn = _connection.ReceivedBytes,
            EventsOut = _eventsOut,
            BytesOut = _connection.SentBytes,
            PendingBytes = _connection.PendingBytes,
            QueuedEvents = queued,
            QueueDepthMax = deepest,
            DroppedEvents = dropped,
            DuplicateEvents = _duplicates,
            Refusals = _refusals,
        };
    }

    /// <summary>The client sends no more: what is due to it is sent, then the connection is closed.</summary>
    private void Drain()
    {
        if (_state == State.Open)
        {
            _state = State.Draining;
            foreach (Subscription subscription in _subscriptions.Values)
            {
                _table.Router.Unsubscribe(subscription);
                if (subscription.Keep is not null)
                {
                    _table.Kept.Forget(subscription);
                }
            }

            _connection.ExpectProgress();
            _connection.RequestFlush();
        }
        else if (_state < State.Open)
        {
            _state = State.Closing;
            _connection.CloseAfterFlush();
        }
    }

    /// <summary>Ends the session with an error that the client can read.</summary>
    private void Fail(ErrorCode code, string text)
    {
        if (_state == State.Closing)
        {
            return;
        }

        CountRefusal(code);
        WriteError(code, closes: true, 0, text);
        _state = State.Closing;
        DetachKept(isBroken: true);
        CloseSubscriptions();
        _connection.CloseAfterFlush();
    }

    /// <summary>Everything due was sent; what waits for credit will never have it.</summary>
    private void EndDrained()
    {
        WriteNotices();
        _state = State.Closing;
        CloseSubscriptions();
        _connection.CloseAfterFlush();
    }

    private void CountRefusal(ErrorCode code)
    {
        _refusals++;
        Statistics.CountRefusal(code);
    }

    private void CloseSubscriptions()
    {
        // All leave before the first one gives on what waits for it.
        foreach (Subscription subscription in _subscriptions.Values)
        {
            _table.Router.Unsubscribe(subscription);
        }

        foreach (Subscription subscription in _subscriptions.Values)
        {
            CloseSubscription(subscription);
        }

        _subscriptions.Clear();
        _line = null;
    }

    private void CloseSubscription(Subscription subscription)
    {
        _table.Router.Unsubscribe(subscription);
        subscription.Close();
        _dropsOfClosed ??= new long[DropReasonNames.Count];
        subscription.AddDropsTo(_dropsOfClosed);
        Statistics.SubscriptionCount--;
        if (subscription.Keep is not null)
        {
            _table.Kept.Forget(subscription);
        }
    }
}
