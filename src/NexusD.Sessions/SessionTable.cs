using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using NexusD.Buffers;
using NexusD.Loops;
using NexusD.Protocol;
using NexusD.Protocol.Topics;
using NexusD.Routing;
using NexusD.Routing.Publishers;
using NexusD.Routing.Recovery;
using NexusD.Routing.Retained;

namespace NexusD.Sessions;

/// <summary>
/// The sessions of one loop and what they share: the router, the clock, scratch memory, who publishes under which id.
/// Used on the loop's thread only.
/// </summary>
internal sealed class SessionTable : ILossListener
{
    /// <summary>
    /// What the send windows of all sessions may have beyond the least, in bytes; sessions take from it.
    /// </summary>
    public long WindowAllowance;

    private const long WindowsOfAll = 64 * 1024 * 1024;
    private const int AliasesOfAll = 16 * 1024 * 1024;
    private const int LeastAliases = 4096;
    private const int MostResumeEntries = 262_144;

    private readonly HybridClock _clock;
    private readonly TimeProvider _time;
    private readonly List<AppSession> _sessions = [];
    private readonly Dictionary<ulong, AppSession> _publishers = [];
    private readonly List<RetainedEvent> _retainedScratch = [];
    private readonly HashSet<RetainedEvent> _retainedSeen = new(ReferenceEqualityComparer.Instance);
    private readonly SessionDeadlines _deadlines;
    private ulong _batchTimestamp;
    private long _lastId;
    private AppSession? _lastLoser;

    public SessionTable(
        EventLoop loop,
        Router router,
        HybridClock clock,
        SessionOptions options,
        ISessionQueries queries,
        TimeProvider time)
    {
        Loop = loop;
        Router = router;
        Options = options;
        Queries = queries;
        _clock = clock;
        _time = time;
        MaxFrameBytes = options.MaxFrameBytes;
        NodeNameUtf8 = Encoding.UTF8.GetBytes(options.NodeName);
        ClusterUtf8 = Encoding.UTF8.GetBytes(options.Cluster);
        DaemonVersionUtf8 = Encoding.UTF8.GetBytes(options.DaemonVersion);
        RefusedTopic = Router.CreatePlaceholder("$nexusd/refused"u8);
        _deadlines = new SessionDeadlines(loop, options, _sessions);
        Held = new HeldSessions(loop);
        Waits = new PublisherWaits(loop);
        Notices = new LossNotices(loop);
        Budget = router.Pool.Budget;
        Memory = new SessionMemory(this);
        Budget.Join(Memory);
        WindowAllowance = Math.Min(WindowsOfAll, Budget.Limit / 8);
        Kept = new KeptSubscriptions(loop, router, options, Statistics);
        router.LossListener = this;
    }

    /// <summary>What everything here counts against.</summary>
    public MemoryBudget Budget { get; }

    /// <summary>What the sessions hold.</summary>
    public SessionMemory Memory { get; }

    public EventLoop Loop { get; }

    public Router Router { get; }

    public SessionOptions Options { get; }

    public ISessionQueries Queries { get; }

    public SessionStatistics Statistics { get; } = new();

    public int MaxFrameBytes { get; }

    public byte[] NodeNameUtf8 { get; }

    public byte[] ClusterUtf8 { get; }

    public byte[] DaemonVersionUtf8 { get; }

    /// <summary>
    /// Stands where a client declared an alias for a name that it may not publish to. A name of the system, so no
    /// client can have this object for a good reason.
    /// </summary>
    public Topic RefusedTopic { get; }

    /// <summary>
    /// Highest alias that the next session may declare: the option's, less where sessions are many, so that all their
    /// tables together stay within some hundred megabytes whatever clients do.
    /// </summary>
    public int AliasesForNewSession =>
        (int)Math.Min(
            Options.MaxAliases, Math.Max(LeastAliases, Memory.MostAliases(AliasesOfAll) / (_sessions.Count + 1)));

    /// <summary>For a property list without its topic; used within one call.</summary>
    public byte[] PropertyScratch { get; } = new byte[ProtocolLimits.MaxEventPropertyBytes];

    /// <summary>For the filters of one SUBSCRIBE.</summary>
    public List<TopicFilter> FilterScratch { get; } = [];

    /// <summary>Sessions whose input is paused because a subscription is full.</summary>
    public HeldSessions Held { get; }

    /// <summary>Sessions that are to be told of losses.</summary>
    public LossNotices Notices { get; }

    /// <summary>For the aliases of all sessions.</summary>
    public EpochCounter Epochs { get; } = new();

    /// <summary>Subscriptions that outlive their connections.</summary>
    public KeptSubscriptions Kept { get; }

    /// <summary>The session whose frames are being read at the moment.</summary>
    public AppSession? Publishing { get; set; }

    /// <summary>Whether the daemon is leaving: no new sessions.</summary>
    public bool IsLeaving { get; set; }

    /// <summary>Whether no session is read beyond its first PUBLISH.</summary>
    public bool HoldsPublishes { get; set; }

    /// <summary>Pairs of publisher and class remembered of what clients had before they came back.</summary>
    public int ResumeEntries { get; private set; }

    public IReadOnlyList<AppSession> Sessions => _sessions;

    /// <summary>Sessions that wait for their publisher id.</summary>
    public PublisherWaits Waits { get; }

    /// <summary>
    /// The stamp of what was received together: one tick for all of it, since runs of one publisher are told apart by
    /// their numbers.
    /// </summary>
    public ulong BatchTimestamp
    {
        get
        {
            if (_batchTimestamp == 0)
            {
                _batchTimestamp = _clock.Tick(NowUnixMs());
            }

            return _batchTimestamp;
        }
    }

    public void BeginBatch() => _batchTimestamp = 0;

    /// <summary>What time it is for times to live.</summary>
    public ulong NowHlc() => _clock.Now(NowUnixMs());

    /// <inheritdoc/>
    void ILossListener.OnLost(ulong publisher, ulong number, int count, DropReason reason)
    {
        // Losses come in rows of one publisher.
        AppSession? session = _lastLoser;
        if (session?.PublisherId != publisher)
        {
            if (!_publishers.TryGetValue(publisher, out session))
            {
                return; // of another node, or gone
            }

            _lastLoser = session;
        }

        session.NoteLoss(number, count, reason);
    }

    public long NowUnixMs() => _time.GetUtcNow().ToUnixTimeMilliseconds();

    public long NextId() => ++_lastId;

    public void Add(AppSession session)
    {
        session.Index = _sessions.Count;
        _sessions.Add(session);
        Statistics.OpenCount++;
        _deadlines.Watch(session);
    }

    public void Remove(AppSession session)
    {
        AppSession last = _sessions[^1];
        _sessions[session.Index] = last;
        last.Index = session.Index;
        _sessions.RemoveAt(_sessions.Count - 1);
        Statistics.OpenCount--;
        _deadlines.Forget(session);
        if (session.PublisherId != 0)
        {
            _lastLoser = null;
            _publishers.Remove(session.PublisherId);
            Waits.Free(session.PublisherId);
        }
    }

    /// <summary>Whether a session has this publisher id.</summary>
    public bool IsInUse(ulong publisher) => _publishers.ContainsKey(publisher);

    /// <summary>Gives a session the publisher id it wishes for if that is free, else a new one.</summary>
    public PublisherRecord ClaimPublisher(AppSession session, ulong wished)
    {
        ulong id = wished;
        while (id == 0 || _publishers.ContainsKey(id) || (id != wished && Router.Publishers.Find(id) is not null))
        {
            id = BinaryPrimitives.ReadUInt64LittleEndian(RandomNumberGenerator.GetBytes(sizeof(ulong)));
        }

        _publishers.Add(id, session);
        return Router.Publishers.GetOrAdd(id);
    }

    /// <summary>
    /// Whether what a client had may be remembered; above the bound of all, and where memory is short, it is not, and
    /// state may come to that client twice.
    /// </summary>
    public bool TryKeep(ResumePoint had)
    {
        if (had.Entries > MostResumeEntries - ResumeEntries || Budget.IsTight)
        {
            return false;
        }

        ResumeEntries += had.Entries;
        return true;
    }

    /// <summary>Undoes <see cref="TryKeep"/>.</summary>
    public void Forget(ResumePoint had) => ResumeEntries -= had.Entries;

    /// <summary>
    /// The retained events that match any of the filters, each once; the list is used again by the next call.
    /// </summary>
    public List<RetainedEvent> CollectRetained(List<TopicFilter> filters)
    {
        _retainedScratch.Clear();
        foreach (TopicFilter filter in filters)
        {
            Router.Retained.Collect(filter, _retainedScratch);
        }

        if (filters.Count > 1 && _retainedScratch.Count > 1)
        {
            _retainedSeen.Clear();
            _retainedScratch.RemoveAll(retained => !_retainedSeen.Add(retained));
            _retainedSeen.Clear();
        }

        return _retainedScratch;
    }
}
