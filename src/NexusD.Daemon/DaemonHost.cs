using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using NexusD.Buffers;
using NexusD.Daemon.Http;
using NexusD.Daemon.Logging;
using NexusD.Daemon.Options;
using NexusD.Daemon.Status;
using NexusD.Discovery.Multicast;
using NexusD.Loops;
using NexusD.Peering;
using NexusD.Protocol;
using NexusD.Quic;
using NexusD.Routing;
using NexusD.Sessions;

namespace NexusD.Daemon;

/// <summary>
/// The composition root: builds every part of the node from the options, runs its event loop, and takes it down again
/// in
/// good order. The only place that sees all modules.
/// </summary>
/// <remarks>
/// Threads: the one that calls <see cref="Run"/> becomes the loop and carries all events. Beside it there are the
/// beacon
/// thread, and Kestrel's, which see the node by <see cref="INodeProbe"/> alone.
/// </remarks>
internal sealed partial class DaemonHost : INodeProbe, IDisposable
{
    private static readonly TimeSpan _routerTick = TimeSpan.FromSeconds(1);

    /// <summary>By then the first links are up, and code that only the start needs has run.</summary>
    private static readonly TimeSpan _startIsOver = TimeSpan.FromSeconds(1);

    /// <summary>Unused slabs are kept up to this, or a part of a small budget.</summary>
    private const long SpareBytes = 8L << 20;
    private const int SpareInBudget = 16;

    private readonly OptionSet _options;
    private readonly LogWriter _logWriter;
    private readonly TextWriter _output;
    private readonly TaskCompletionSource<ReadyLine> _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ILogger _log;
    private readonly TimeProvider _time = TimeProvider.System;
    private readonly EventLoop _loop;
    private readonly SlabPool _pool;
    private readonly HybridClock _clock = new();
    private readonly NodeState _state;
    private readonly DiscoverySet _discovery;
    private readonly HttpService _http;
    private readonly NodeFacts _facts;
    private readonly RetainedWatch _retainedWatch;
    private readonly MemoryPlan _memory;
    private readonly MemoryWatch _memoryWatch;
    private readonly LoopTimer _tick;
    private readonly LoopTimer _memoryTick;
    private readonly LoopTimer _leaveTimer;

    /// <summary>Binds every port; nothing is served before <see cref="Run"/>.</summary>
    /// <exception cref="StartException">Something that was asked for cannot be had.</exception>
    /// <param name="options">Valid ones.</param>
    /// <param name="logWriter">Where every part logs to.</param>
    /// <param name="output">Where the ready line goes.</param>
    public DaemonHost(OptionSet options, LogWriter logWriter, TextWriter output)
    {
        _output = output;
        _options = options;
        _logWriter = logWriter;
        _log = Logger("daemon");
        NodeId id = MeshOptions.NewNodeId();
        string name = OptionRules.NodeNameOf(options);
        string cluster = options.Get(OptionTable.Cluster);
        DateTimeOffset startedAt = _time.GetUtcNow();
        DaemonLog.Starting(_log, DaemonVersion.Text, name, cluster);

        _loop = new EventLoop(fault => DaemonLog.LoopFault(_log, fault)) { TurnSpacingNs = TurnSpacingNs(options) };
        _memory = MemoryPlan.From(options);
        var budget = new MemoryBudget(_memory.Budget);
        _pool = new SlabPool(Math.Min(SpareBytes, _memory.Budget / SpareInBudget), budget);
        _memoryWatch = new MemoryWatch(_memory, budget, _log);
        Router = new Router(RouterOptionsFrom(id, name), _pool);
        QuicCredentials? credentials = TlsFiles.Read(options);
        Mesh = StartMesh(id, name, cluster, credentials);
        if (credentials is null)
        {
            DaemonLog.Insecure(_log, Mesh.LocalEndPoint.Port, cluster);
        }

        var self = new BeaconIdentity(
            id, Mesh.LocalEndPoint.Port, (uint)startedAt.ToUnixTimeSeconds(), cluster, name);
        _discovery = new DiscoverySet(options, self, Logger("discovery"));
        _state = new NodeState(() => _discovery.FirstRoundIsDone);
        _http = HttpService.Bind(HttpSettings.From(options), this, Logger("http"));
        var queries = new NodeQueries();
        Apps = new AppListener(_loop, Router, _pool, _clock, SessionOptionsFrom(id, name, cluster), queries, _time);
        IReadOnlyList<string> addresses = AppDoors.Open(Apps, options, _log); // last: it leaves a file
        _facts = new NodeFacts
        {
            NodeId = id,
            Name = name,
            Cluster = cluster,
            Version = DaemonVersion.Text,
            StartedAt = startedAt,
            IsInsecure = credentials is null,
            AppAddresses = addresses,
            QueueCapacity = options.Get(OptionTable.SubscriberQueueLimit),
        };
        queries.Attach(this);
        _retainedWatch = new RetainedWatch(_log);
        _tick = _loop.CreateTimer(Tick);
        _memoryTick = _loop.CreateTimer(TickMemory);
        _leaveTimer = _loop.CreateTimer(ContinueLeaving);
    }

    /// <summary>The router; on the loop's thread.</summary>
    public Router Router { get; }

    /// <summary>The apps' side; on the loop's thread.</summary>
    public AppListener Apps { get; }

    /// <summary>The other nodes; on the loop's thread.</summary>
    public Mesh Mesh { get; }

    /// <summary>The name under which peers know the node.</summary>
    public string NodeName => _facts.Name;

    /// <summary>Done when the node serves.</summary>
    public Task<ReadyLine> Ready => _ready.Task;

    /// <inheritdoc/>
    public string? NotReadyBecause => _state.NotReadyBecause;

    /// <summary>Serves on the calling thread until the node has left.</summary>
    public void Run()
    {
        _discovery.Start(new PeerRelay(_loop, Mesh, Logger("discovery")));
        BeginJoining();
        _ = ServeHttpAsync();
        Tick();
        TickMemory();
        _loop.Run();
    }

    /// <summary>A copy of everything, on the loop's thread.</summary>
    /// <param name="withLargest">Whether to find out who holds most memory.</param>
    public NodeSnapshot TakeSnapshot(bool withLargest = false) => new()
    {
        Facts = _facts,
        Uptime = _state.Uptime,
        Router = Router.GetStatistics(),
        Sessions = Apps.Statistics,
        QueueDepthMax = Apps.DeepestQueue(),
        Mesh = Mesh.GetSnapshot(),
        Discovery = _discovery.Names,
        Beacons = _discovery.Beacons,
        HealthPortConflict = _http.HealthPortConflict,
        LogLinesDropped = _logWriter.DroppedLines,
        Memory = TakeMemory(withLargest),
        RentedBytes = _pool.RentedBytes,
        KeptBytes = _pool.KeptBytes,
        LoopTurns = _loop.Turns,
        RefusedClocks = _clock.RefusedRemoteValues,
    };

    /// <inheritdoc/>
    public async Task<bool> AnswersAsync(TimeSpan patience)
    {
        var answered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _loop.Post(answered.SetResult);
        return await Task.WhenAny(answered.Task, Task.Delay(patience)) == answered.Task;
    }

    /// <inheritdoc/>
    public async Task<NodeSnapshot?> TakeSnapshotAsync(TimeSpan patience)
    {
        var answered = new TaskCompletionSource<NodeSnapshot>(TaskCreationOptions.RunContinuationsAsynchronously);
        _loop.Post(() => answered.TrySetResult(TakeSnapshot()));
        return await Task.WhenAny(answered.Task, Task.Delay(patience)) == answered.Task ? await answered.Task : null;
    }

    public void Dispose()
    {
        _discovery.Dispose();
        Apps.Dispose();
        Mesh.Dispose();
        _loop.Dispose();
    }

    private async Task ServeHttpAsync()
    {
        try
        {
            await _http.StartAsync();
            _loop.Post(TellReady);
            await Task.Delay(_startIsOver);
            StartupPages.Release();
        }
        catch (Exception e)
        {
            // Without probes an orchestrator would kill the daemon for no visible reason.
            _loop.Post(() => Fail($"the HTTP side cannot start: {e.Message}"));
        }
    }

    private void TellReady()
    {
        _state.Listening();
        var line = new ReadyLine
        {
            Cluster = _facts.Cluster,
            Node = _facts.Name,
            Apps = _facts.AppAddresses,
            Mesh = Mesh.LocalEndPoint,
            Health = _http.Health,
            Metrics = _http.Metrics,
            Quic = Mesh.GetSnapshot().Engine,
        };
        bool json = _options.Get(OptionTable.LogFormat) == "json";
        try
        {
            _output.WriteLine(json ? line.ToJson() : line.ToText());
            _output.Flush();
        }
        catch (IOException)
        {
            // Standard output is closed: nobody waits for the line.
        }

        _ready.SetResult(line);
    }

    private void Tick()
    {
        Router.AdvanceTime(HybridClock.FromUnixMs(_time.GetUtcNow().ToUnixTimeMilliseconds()));
        _retainedWatch.Tick(Router);
        _tick.SetAfter(_routerTick);
    }

    private SourceLogger Logger(string source) =>
        new SourceLogger(_logWriter, source, LogLevels.Parse(_options.Get(OptionTable.LogLevel)));

    /// <summary>
    /// A wake-up costs 15 us and more; with a tenth of a millisecond between events it is nearly all that an event
    /// costs. Under a quota that would use up the daemon's share, and then every event waits for the next period.
    /// </summary>
    private static long TurnSpacingNs(OptionSet options)
    {
        TimeSpan asked = options.Get(OptionTable.BatchDelay);
        TimeSpan delay = asked != OptionReaders.Auto ? asked : TimeSpan.FromMilliseconds(CgroupCpu.Cores() switch
        {
            < 1.0 / 3 => 4,
            < 1 => 2,
            _ => 0,
        });
        return (long)delay.TotalNanoseconds;
    }

    private RouterOptions RouterOptionsFrom(NodeId id, string name) => new()
    {
        NodeId = id,
        NodeName = name,
        RetainTopics = _options.Get(OptionTable.RetainTopics),
        MaxRetainedEvents = _options.Get(OptionTable.RetainedLimit),
        MaxRetainedBytes = Math.Min(_options.Get(OptionTable.RetainedBytes), _memory.MaxRetainedBytes),
        RecoveryEvents = _options.Get(OptionTable.RecoveryEvents),
        MaxRecoveryBytes = Math.Min(_options.Get(OptionTable.RecoveryBytes), _memory.MaxRecoveryBytes),
        MaxTopics = _memory.MaxTopics,
        MaxRouteEntries = _memory.MaxRouteEntries,
        MaxPublishers = _memory.MaxPublishers,
    };

    private SessionOptions SessionOptionsFrom(NodeId id, string name, string cluster) => new()
    {
        NodeId = id,
        NodeName = name,
        Cluster = cluster,
        DaemonVersion = DaemonVersion.Text,
        MaxSessions = _options.Get(OptionTable.MaxClients),
        MaxSubscriptions = _options.Get(OptionTable.MaxSubscriptions),
        MaxPayloadBytes = (int)_options.Get(OptionTable.MaxPayload),
        QueueEvents = _options.Get(OptionTable.SubscriberQueueLimit),
        QueueBytes = _options.Get(OptionTable.SubscriberQueueBytes),
        Overflow = OverflowPolicyNames.TryParse(_options.Get(OptionTable.Overflow), out OverflowPolicy overflow)
            ? overflow
            : OverflowPolicy.DropOldest,
        BlockTimeout = _options.Get(OptionTable.BlockTimeout),
        KeepLimit = _options.Get(OptionTable.KeepLimit),
        MaxKept = _options.Get(OptionTable.KeptSubscriptions),
        MaxKeptBytes = Math.Min(_options.Get(OptionTable.KeptBytes), _memory.MaxKeptBytes),
    };

    private Mesh StartMesh(NodeId id, string name, string cluster, QuicCredentials? credentials)
    {
        int payload = (int)_options.Get(OptionTable.MaxPayload);
        IPAddress bind = _options.Get(OptionTable.Bind);
        bool noIpv6 = bind.Equals(IPAddress.IPv6Any) && !Socket.OSSupportsIPv6;
        var endPoint = new IPEndPoint(noIpv6 ? IPAddress.Any : bind, _options.Get(OptionTable.MeshPort).Number);
        bool msquic = _options.Get(OptionTable.Quic) == "msquic";
        QuicEngineKind engine = msquic ? QuicEngineKind.MsQuic : QuicEngineKind.Ngtcp2;
        var mesh = new Mesh(
            _loop,
            Router,
            _clock,
            _pool,
            new MeshOptions
            {
                Bind = endPoint,
                NodeId = id,
                NodeName = name,
                Cluster = cluster,
                Version = DaemonVersion.Text,
                Credentials = credentials,
                LinkHold = _options.Get(OptionTable.LinkHold),
                LinkQueueBytes = _options.Get(OptionTable.LinkQueueBytes),
                MaxFiltersPerPeer = _memory.MaxFiltersPerPeer,
                MaxFilterBytesPerPeer = _memory.MaxTextBytesPerPeer,
                MaxAliasBytesPerPeer = _memory.MaxTextBytesPerPeer,
                MaxPayloadBytes = payload,
                MaxFrameBytes = payload + ProtocolLimits.FrameOverheadBytes,
                Log = new MeshLog(Logger("mesh")),
            },
            endpoint => QuicEndpoint.Create(engine, _loop, endpoint),
            _time);
        try
        {
            mesh.Start();
            return mesh;
        }
        catch (SocketException e)
        {
            throw new StartException(
                $"the mesh port {endPoint} (UDP) cannot be opened: {e.Message.TrimEnd('.')}. Is another nexusd running?"
                + " Choose another with --mesh-port.");
        }
        catch (QuicUnavailableException e)
        {
            throw new StartException(e.Message);
        }
        catch (System.Security.Cryptography.CryptographicException e)
        {
            throw new StartException($"the certificate cannot be used: {e.Message}");
        }
    }
}
