using System.Net;
using NexusD.Buffers;
using NexusD.Loops;
using NexusD.Protocol;
using NexusD.Routing;
using NexusD.Transport;

namespace NexusD.Sessions;

/// <summary>
/// The applications' side of a node: listens on Unix sockets and TCP addresses and speaks the app protocol
/// (docs/protocol/app-v1.md) with each client in a session of its own. May see Buffers, Loops, Protocol, Routing and
/// Transport; knows nothing of peers. Owns its listeners, connections and sessions.
/// </summary>
/// <remarks>On the loop's thread (or before it runs), except for <see cref="Statistics"/>.</remarks>
public sealed class AppListener : IStreamAcceptor, IDisposable
{
    /// <summary>Connections above the limit that are being told so; further ones are closed without a word.</summary>
    private const int MaxRefusing = 256;

    /// <summary>Subscriptions that snapshots tell one by one, together and of one session.</summary>
    private const int MaxDetails = 8_192;
    private const int MaxDetailsOfOne = 64;

    private readonly SessionTable _table;
    private readonly StreamTransport _transport;
    private readonly List<StreamListener> _listeners = [];
    private readonly HashSet<StreamConnection> _refusing = [];
    private bool _isDisposed;

    public AppListener(
        EventLoop loop,
        Router router,
        SlabPool pool,
        HybridClock clock,
        SessionOptions options,
        ISessionQueries queries,
        TimeProvider time)
    {
        options.Check();
        _table = new SessionTable(loop, router, clock, options, queries, time);
        _transport = new StreamTransport(loop, pool, options.FrameTimeout);
    }

    /// <summary>Figures over all sessions; may be read on any thread.</summary>
    public SessionStatistics Statistics => _table.Statistics;

    /// <summary>Pairs of publisher and class remembered of what clients had before they came back.</summary>
    internal int ResumeEntries => _table.ResumeEntries;

    /// <summary>Sessions whose HELLO waits for its publisher id.</summary>
    internal int SessionsAwaitingPublisher => _table.Waits.Count;

    /// <summary>What is listened on.</summary>
    public IReadOnlyList<StreamListener> Listeners => _listeners;

    /// <summary>Listens on a Unix socket; see <see cref="StreamListener.ListenUnix"/> for errors.</summary>
    /// <param name="path">Path of the socket file, at most 107 bytes.</param>
    /// <param name="mode">Who may connect: those with write permission.</param>
    public StreamListener ListenUnix(string path, UnixFileMode mode)
    {
        StreamListener listener = StreamListener.ListenUnix(_transport, path, mode, this);
        _listeners.Add(listener);
        return listener;
    }

    /// <summary>Listens on a TCP address, port 0 for a free one; see <see cref="StreamListener.ListenTcp"/>.</summary>
    public StreamListener ListenTcp(IPEndPoint endPoint)
    {
        StreamListener listener = StreamListener.ListenTcp(_transport, endPoint, this);
        _listeners.Add(listener);
        return listener;
    }

    /// <summary>
    /// The daemon is leaving: every client is told to finish, new connections are not accepted. Sessions go on until
    /// their clients close or <see cref="Dispose"/>.
    /// </summary>
    public void Leave()
    {
        if (_table.IsLeaving)
        {
            return;
        }

        _table.IsLeaving = true;
        CloseListeners();
        foreach (AppSession session in _table.Sessions)
        {
            session.SendGoAway();
        }
    }

    /// <summary>
    /// Takes no events from now on: of each session nothing is read from its next PUBLISH on. Everything else, such as
    /// opening subscriptions, goes on.
    /// </summary>
    public void HoldPublishes() => _table.HoldsPublishes = true;

    /// <summary>Takes events again; what waited comes first.</summary>
    public void ReleasePublishes()
    {
        _table.HoldsPublishes = false;
        foreach (AppSession session in _table.Sessions)
        {
            session.ReleasePublishes();
        }
    }

    /// <summary>
    /// Ends all subscriptions, kept ones too: what waits for members of groups goes on to others while the node is
    /// still in the mesh. Sessions stay, so that their publishers can be told what is lost (<see
    /// cref="TellLastLosses"/>).
    /// </summary>
    public void EndSubscriptions()
    {
        foreach (AppSession session in _table.Sessions)
        {
            session.EndSubscriptions();
        }

        _table.Kept.EndAll();
    }

    /// <summary>Tells publishers that are still connected what was lost; call <see cref="Dispose"/> next.</summary>
    public void TellLastLosses()
    {
        foreach (AppSession session in _table.Sessions)
        {
            session.TellLastLosses();
        }
    }

    /// <summary>Events in the longest queue of any subscription: cheaper than the snapshots that tell it too.</summary>
    public int DeepestQueue()
    {
        int deepest = 0;
        foreach (AppSession session in _table.Sessions)
        {
            deepest = Math.Max(deepest, session.DeepestQueue());
        }

        foreach (Subscription subscription in _table.Kept.Waiting)
        {
            deepest = Math.Max(deepest, subscription.QueuedEvents);
        }

        return deepest;
    }

    /// <summary>The apps that make the daemon hold most, the first one most of all.</summary>
    public List<HeldByClient> Largest(int most) =>
    [
        .. _table.Sessions.Select(session => session.Held())
            .Concat(_table.Kept.Waiting.Where(kept => kept.Session is null).Select(kept => kept.HeldWithoutSession()))
            .Where(held => held.Bytes > 0)
            .OrderByDescending(held => held.Bytes).ThenBy(held => held.Id).Take(most),
    ];

    /// <summary>Adds the events that wait for subscriptions to a tally by topic.</summary>
    public void AddTo(TopicTally tally)
    {
        foreach (AppSession session in _table.Sessions)
        {
            foreach (Subscription subscription in session.Subscriptions)
            {
                subscription.AddTo(tally);
            }
        }

        foreach (Subscription kept in _table.Kept.Waiting.Where(kept => kept.Session is null))
        {
            kept.AddTo(tally);
        }
    }

    /// <summary>Up to <paramref name="most"/> sessions as they are now.</summary>
    public List<SessionSnapshot> TakeSnapshots(int most = int.MaxValue)
    {
        int details = Math.Min(MaxDetails / Math.Max(1, _table.Sessions.Count), MaxDetailsOfOne);
        var snapshots = new List<SessionSnapshot>(Math.Min(most, _table.Sessions.Count));
        for (int i = 0; i < _table.Sessions.Count && i < most; i++)
        {
            snapshots.Add(_table.Sessions[i].TakeSnapshot(details));
        }

        foreach (Subscription subscription in _table.Kept.Waiting)
        {
            if (subscription.Session is null && snapshots.Count < most)
            {
                snapshots.Add(subscription.TakeSessionSnapshot());
            }
        }

        return snapshots;
    }

    /// <summary>Closes listeners and sessions at once and gives all memory back.</summary>
    public void Dispose()
    {
        if (_isDisposed)
        {
            return;
        }

        _isDisposed = true;
        _table.IsLeaving = true;
        CloseListeners();
        while (_table.Sessions.Count > 0)
        {
            _table.Sessions[^1].Close();
        }

        _table.Kept.EndAll();

        foreach (StreamConnection connection in _refusing.ToArray())
        {
            connection.Close();
        }

        _transport.Dispose();
    }

    /// <inheritdoc/>
    void IStreamAcceptor.OnAccepted(StreamConnection connection)
    {
        _table.Statistics.AcceptedCount++;
        bool hasMemory = _table.Memory.MayGrow(isSession: true);
        if (hasMemory && _table.Sessions.Count < _table.Options.MaxSessions)
        {
            var session = new AppSession(_table, connection, _table.NextId());
            connection.Start(session);
            _table.Add(session);
            return;
        }

        ErrorCode code = hasMemory ? ErrorCode.TooManySessions : ErrorCode.OutOfMemory;
        _table.Statistics.CountRefusal(code);
        if (_refusing.Count < MaxRefusing)
        {
            string text = hasMemory
                ? $"The daemon has {_table.Options.MaxSessions} sessions, its limit; close some or raise --max-clients."
                : SessionMemory.NoRoomText;
            RefusedConnection.Refuse(connection, code, text, () => _refusing.Remove(connection));
            _refusing.Add(connection);
        }
        else
        {
            connection.Close();
        }
    }

    private void CloseListeners()
    {
        _listeners.ForEach(listener => listener.Dispose());
        _listeners.Clear();
    }
}
