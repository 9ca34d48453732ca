using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using NexusD.Buffers;
using NexusD.Loops;
using NexusD.Peering.Dialing;
using NexusD.Peering.Links;
using NexusD.Protocol;
using NexusD.Quic;
using NexusD.Routing;

namespace NexusD.Peering;

/// <summary>
/// The mesh side of a daemon: one QUIC endpoint that listens and dials, the table of known addresses, and a link to
/// every node that can be reached. In: addresses from discovery, runs from the router, bytes from peers. Out: runs to
/// peers and to the router's local subscriptions.
/// </summary>
/// <remarks>
/// <para>Sees Routing (targets), Quic (the seam), Loops and Protocol; never Sessions or Discovery. Owns the endpoint
/// and the links.</para>
/// <para>Everything is called on the loop's thread, or before the loop runs.</para>
/// <para>One link per node: of two the one dialed by the smaller node id is kept, of two with the same dialer the newer
/// one (peer-v1.md, "Duplicate links"). Lanes go on on the winner where the loser stood (see <see
/// cref="PeerChannel"/>).</para>
/// </remarks>
public sealed partial class Mesh : IDisposable
{
    private readonly MeshContext _context;
    private readonly Func<QuicEndpointOptions, IQuicEndpoint> _openEndpoint;
    private readonly List<PeerLink> _links = [];
    private readonly List<PeerLink> _ticking = [];
    private readonly Dictionary<NodeId, PeerLink> _byNode = [];
    private readonly Dictionary<NodeId, PeerChannel> _channels = [];
    private readonly List<PeerChannel> _waiting = [];
    private readonly Dialer _dialer;
    private readonly InterestFeed _interest;
    private readonly bool _authenticated;
    private IQuicEndpoint? _endpoint;
    private IPEndPoint? _localEndPoint;
    private string _engine = "";
    private long _lastLinkId;
    private long _wakeNs = long.MaxValue;

    /// <param name="loop">The loop whose thread everything runs on.</param>
    /// <param name="router">The node's router.</param>
    /// <param name="clock">The node's clock.</param>
    /// <param name="pool">Where links rent their memory.</param>
    /// <param name="options">Names, limits, times.</param>
    /// <param name="openEndpoint">Makes the QUIC endpoint on the same loop.</param>
    /// <param name="time">Wall clock; null: the system's.</param>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    public Mesh(
        EventLoop loop,
        Router router,
        HybridClock clock,
        SlabPool pool,
        MeshOptions options,
        Func<QuicEndpointOptions, IQuicEndpoint> openEndpoint,
        TimeProvider? time = null)
        : this(new EventLoopAdapter(loop, time ?? TimeProvider.System), router, clock, pool, options, openEndpoint)
    {
    }

    internal Mesh(
        IMeshLoop loop,
        Router router,
        HybridClock clock,
        SlabPool pool,
        MeshOptions options,
        Func<QuicEndpointOptions, IQuicEndpoint> openEndpoint)
    {
        options.Validate();
        _context = new MeshContext(loop, router, clock, pool, options);
        _openEndpoint = openEndpoint;
        _authenticated = options.Credentials?.Authenticated == true;
        Random jitter = options.JitterSeed is { } seed ? new Random(seed) : new Random();
        _dialer = new Dialer(this, loop, options, jitter);
        _interest = new InterestFeed(_context, TellInterest);
        loop.OnWake(Wake);
        pool.Budget.Join(this);
    }

    /// <summary>Where this node listens; only after <see cref="Start"/>.</summary>
    public IPEndPoint LocalEndPoint =>
        _localEndPoint ?? throw new InvalidOperationException("The mesh was not started.");

    /// <summary>Links that are up, suspect ones included.</summary>
    public int LinksUp => _byNode.Count;

    /// <summary>Opens the endpoint and begins to dial.</summary>
    /// <exception cref="System.Net.Sockets.SocketException">The address cannot be bound.</exception>
    /// <exception cref="QuicUnavailableException">The engine's native library is missing.</exception>
    public void Start()
    {
        MeshOptions options = _context.Options;
        _endpoint = _openEndpoint(new QuicEndpointOptions
        {
            Bind = options.Bind,
            Credentials = options.Credentials ?? SelfSignedCertificate.CreateCredentials(options.NodeName),
            Alpn = Alpn,
            Accept = Accept,
            Pool = _context.Pool,
            IdleTimeout = options.DownAfter + _idleMargin,
            KeepAlive = options.PingInterval,
            HandshakeTimeout = options.HandshakeTimeout,
            MaxConnections = options.MaxLinks + SpareConnections,
            ResetSecret = ResetSecret(),
        });
        _localEndPoint = _endpoint.LocalEndPoint;
        _engine = _endpoint.EngineName;
        _context.Router.LocalInterest.Listener = _interest;
        WakeBy(_context.Loop.NowNs);
    }

    /// <summary>Discovery names an address, perhaps again: somebody was heard there.</summary>
    /// <returns>
    /// False when the address is none, or the table of <see cref="MeshOptions.MaxAddresses"/> is full.
    /// </returns>
    public bool PeerFound(PeerAddress address)
    {
        bool taken = !_leaving && _dialer.Found(address);
        WakeBy(_context.Loop.NowNs);
        return taken;
    }

    /// <summary>Discovery names an address no longer. A link that is up stays as long as the peer is heard.</summary>
    public void PeerLost(PeerAddress address) => _dialer.Lost(address);

    /// <summary>Uses new certificates for links made from now on.</summary>
    public void ReplaceCredentials(QuicCredentials credentials) => _endpoint?.ReplaceCredentials(credentials);

    /// <summary>Closes everything at once.</summary>
    public void Dispose()
    {
        _leaving = true;
        _dialer.Stop();
        foreach (PeerLink link in _links.ToArray())
        {
            link.Close((ulong)ErrorCode.ShuttingDown, "the node is gone");
        }

        foreach (PeerChannel channel in _channels.Values.ToArray())
        {
            End(channel, DropReason.LinkDown);
        }

        if (ReferenceEquals(_context.Router.LocalInterest.Listener, _interest))
        {
            _context.Router.LocalInterest.Listener = null;
        }

        _interest.Discard();
        _endpoint?.Dispose();
        _endpoint = null;
    }

    /// <summary>A copy of the mesh as it is.</summary>
    public MeshSnapshot GetSnapshot()
    {
        MeshCounters counters = _context.Counters.Copy();
        var links = new List<LinkSnapshot>(_links.Count);
        foreach (PeerLink link in _links)
        {
            links.Add(link.GetSnapshot());
        }

        foreach (PeerChannel channel in _channels.Values)
        {
            counters.Add(channel.Ledger);
            if (channel.Link is null)
            {
                links.Add(channel.GetSnapshot());
            }
        }

        return new MeshSnapshot(LocalEndPoint, _engine, _authenticated, links, _dialer.GetSnapshot(), counters);
    }

    /// <summary>
    /// QUIC gives up in silence; the link, which does so a little earlier, tells a peer that still hears.
    /// </summary>
    private static readonly TimeSpan _idleMargin = TimeSpan.FromSeconds(1);

    private const long LeastWakeGapNs = 20_000_000;

    private const string Alpn = "nexusd/1";

    /// <summary>Connections beside the links: tries in parallel, and those that are being closed.</summary>
    private const int SpareConnections = 256;

    private void Wake()
    {
        long nowNs = _context.Loop.NowNs;
        _wakeNs = long.MaxValue;
        long due = _dialer.Run(nowNs);
        _ticking.AddRange(_links);
        foreach (PeerLink link in _ticking)
        {
            due = Math.Min(due, link.Tick(nowNs));
        }

        _ticking.Clear();
        due = Math.Min(due, Math.Min(TickChannels(nowNs), TickJoin(nowNs)));
        if (_left is { } left)
        {
            if (HasNobodyToLeave || nowNs >= _leaveDueNs)
            {
                _left = null;
                Dispose();
                left();
                return;
            }

            due = Math.Min(due, _leaveDueNs);
        }

        // Hundreds of links have as many due times; looking at all of them for each one would be most of an idle mesh's
        // work.
        WakeBy(Math.Max(due, nowNs + LeastWakeGapNs));
    }

    private long TickChannels(long nowNs)
    {
        long due = long.MaxValue;
        _waiting.AddRange(_channels.Values);
        foreach (PeerChannel channel in _waiting)
        {
            due = Math.Min(due, channel.Tick(nowNs));
            if (channel.IsForgotten)
            {
                End(channel, DropReason.LinkDown);
            }
        }

        _waiting.Clear();
        return due;
    }

    /// <summary>Makes sure that <see cref="Wake"/> runs by that time.</summary>
    private void WakeBy(long dueNs)
    {
        if (dueNs < _wakeNs)
        {
            _wakeNs = dueNs;
            _context.Loop.WakeAt(dueNs);
        }
    }

    private void TellInterest(InterestBatch changes)
    {
        foreach (PeerLink link in _byNode.Values)
        {
            link.TellInterest(changes);
        }
    }

    // Peers recognise the end of connections of the daemon before by these tokens, so they must outlive a restart.
    // Where links are not authenticated a forged reset is no worse than what an attacker on the path can do anyway.
    private byte[] ResetSecret()
    {
        MeshOptions options = _context.Options;
        using ECDsa? key = options.Credentials?.Certificate.GetECDsaPrivateKey();
        string salt = $"nexusd reset {options.Cluster}/{options.NodeName}/{options.Bind.Port}";
        try
        {
            byte[] secret = key?.ExportPkcs8PrivateKey() ?? [];
            return HKDF.DeriveKey(HashAlgorithmName.SHA256, secret, 32, Encoding.UTF8.GetBytes(salt));
        }
        catch (CryptographicException)
        {
            // A key that does not leave its store: peers wait for silence instead.
            return RandomNumberGenerator.GetBytes(32);
        }
    }
}
