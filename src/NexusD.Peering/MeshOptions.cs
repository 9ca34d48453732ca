using System.Net;
using System.Security.Cryptography;
using NexusD.Protocol;
using NexusD.Quic;

namespace NexusD.Peering;

/// <summary>
/// How the mesh side behaves. Every limit has a default; ranges are checked by <see cref="Validate"/>.
/// </summary>
public sealed class MeshOptions
{
    /// <summary>Where to listen (UDP), also the port that is dialed from; port 0 takes any free one.</summary>
    public required IPEndPoint Bind { get; init; }

    /// <summary>Name of this node, UTF-8 of 1 to 64 bytes.</summary>
    public required string NodeName { get; init; }

    /// <summary>Cluster that peers must name too, UTF-8 of 1 to 64 bytes.</summary>
    public required string Cluster { get; init; }

    /// <summary>Version told to peers, at most 64 bytes.</summary>
    public string Version { get; init; } = "0.1.0";

    /// <summary>This node's id: random, new at each start, not all zero (peer-v1.md, HELLO).</summary>
    public NodeId NodeId { get; init; } = NewNodeId();

    /// <summary>
    /// Own certificate and trusted roots; null: a self-signed certificate, links are encrypted but not authenticated.
    /// </summary>
    public QuicCredentials? Credentials { get; init; }

    /// <summary>Outgoing lanes for events of normal priority: 1 to 8.</summary>
    public int NormalLanes { get; init; } = 4;

    /// <summary>Outgoing lanes for events of high priority: 1 to 2.</summary>
    public int HighLanes { get; init; } = 1;

    /// <summary>Outgoing lanes for events of low priority: 1 to 2.</summary>
    public int LowLanes { get; init; } = 1;

    /// <summary>
    /// Bytes of one link that may wait or be unacknowledged before new runs are dropped: 1 MiB to 64 GiB.
    /// </summary>
    public long LinkQueueBytes { get; init; } = 64L * 1024 * 1024;

    /// <summary>
    /// How long events are queued for a peer that cannot be reached, 0 to a day; then they are given up and counted.
    /// </summary>
    public TimeSpan LinkHold { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>
    /// How long a peer that cannot be reached is remembered: what it misses is counted, so that it can be told.
    /// </summary>
    public TimeSpan ForgetAfter { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Topic aliases that a peer may declare on a lane: 0 to 65,536.</summary>
    public int MaxAliases { get; init; } = 65_536;

    /// <summary>Longest frame taken from a peer in bytes (its length field): 65,536 to 67,174,656.</summary>
    public int MaxFrameBytes { get; init; } = ProtocolLimits.DefaultMaxFrameBytes;

    /// <summary>Longest payload taken from a peer in bytes: 1 to <see cref="MaxFrameBytes"/> - 65,536.</summary>
    public int MaxPayloadBytes { get; init; } = 4_194_304;

    /// <summary>Links at once, handshakes included: 1 to 1,024.</summary>
    public int MaxLinks { get; init; } = 1_024;

    /// <summary>Filters taken from one peer; beyond it the peer counts as interested in everything.</summary>
    public int MaxFiltersPerPeer { get; init; } = 1_048_576;

    /// <summary>
    /// Bytes of filter text taken from one peer; beyond it the peer counts as interested in everything.
    /// </summary>
    public long MaxFilterBytesPerPeer { get; init; } = 64L * 1024 * 1024;

    /// <summary>
    /// Bytes of topic text that one peer may hold in aliases of all its lanes; beyond it the link ends.
    /// </summary>
    public long MaxAliasBytesPerPeer { get; init; } = 64L * 1024 * 1024;

    /// <summary>
    /// Bytes of frames longer than a slab that may be half-received, over all links; beyond it the link that asks for
    /// more ends.
    /// </summary>
    public long MaxAssemblyBytes { get; init; } = 256L * 1024 * 1024;

    /// <summary>Addresses that discovery may name at once; more are refused.</summary>
    public int MaxAddresses { get; init; } = 4_096;

    /// <summary>Time from the connection to the accepted HELLO.</summary>
    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Time between pings.</summary>
    public TimeSpan PingInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Silence after which a peer is suspect.</summary>
    public TimeSpan SuspectAfter { get; init; } = TimeSpan.FromMilliseconds(1_500);

    /// <summary>Silence after which a link is down.</summary>
    public TimeSpan DownAfter { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>First and longest back-off between tries of an address.</summary>
    public TimeSpan RetryMin { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <inheritdoc cref="RetryMin"/>
    public TimeSpan RetryMax { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Longest back-off while a link to the address was lost less than <see cref="QuickRetryFor"/> ago.
    /// </summary>
    public TimeSpan QuickRetryMax { get; init; } = TimeSpan.FromMilliseconds(400);

    /// <inheritdoc cref="QuickRetryMax"/>
    public TimeSpan QuickRetryFor { get; init; } = TimeSpan.FromMinutes(3);

    /// <summary>Least frequency of interest and retained state exchanges.</summary>
    public TimeSpan RepairInterval { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Quiet time after which a change counts as settled.</summary>
    public TimeSpan SettleTime { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>Resolves host names; replaced in tests.</summary>
    public Func<string, Task<IPAddress[]>> ResolveName { get; init; } = static name => Dns.GetHostAddressesAsync(name);

    /// <summary>Where to tell what happens to links.</summary>
    public IMeshLog Log { get; init; } = SilentMeshLog.Instance;

    /// <summary>Seed of the jitter; null: random.</summary>
    public int? JitterSeed { get; init; }

    /// <summary>A node id from the system's random source.</summary>
    public static NodeId NewNodeId()
    {
        Span<byte> bytes = stackalloc byte[NodeId.Size];
        RandomNumberGenerator.Fill(bytes);
        bytes[NodeId.Size - 1] |= 1; // never all zero
        return new NodeId(bytes);
    }

    /// <exception cref="ArgumentException">A value is out of its range; the text names it.</exception>
    public void Validate()
    {
        CheckText(NodeName, nameof(NodeName));
        CheckText(Cluster, nameof(Cluster));
        Check(!NodeId.IsEmpty, nameof(NodeId), "must not be all zero");
        Check(NormalLanes is >= 1 and <= 8, nameof(NormalLanes), "must be 1 to 8");
        Check(HighLanes is >= 1 and <= 2, nameof(HighLanes), "must be 1 or 2");
        Check(LowLanes is >= 1 and <= 2, nameof(LowLanes), "must be 1 or 2");
        Check(LinkQueueBytes is >= 1 << 20 and <= 1L << 36, nameof(LinkQueueBytes), "must be 1 MiB to 64 GiB");
        Check(LinkHold >= TimeSpan.Zero && LinkHold <= TimeSpan.FromDays(1), nameof(LinkHold), "must be 0 to 1 day");
        Check(MaxAliases is >= 0 and <= 65_536, nameof(MaxAliases), "must be 0 to 65,536");
        Check(
            MaxFrameBytes is >= ProtocolLimits.MinMaxFrameBytes and <= ProtocolLimits.LargestFrameBytes,
            nameof(MaxFrameBytes),
            "must be 65,536 to 67,174,656");
        Check(
            MaxPayloadBytes >= 1 && MaxPayloadBytes <= MaxFrameBytes - 65_536 + 1,
            nameof(MaxPayloadBytes),
            "must be at least 1 and 65,536 less than MaxFrameBytes");
        Check(MaxLinks is >= 1 and <= 1_024, nameof(MaxLinks), "must be 1 to 1,024");
        Check(MaxAddresses >= 1, nameof(MaxAddresses), "must be 1 or more");
        Check(SuspectAfter > PingInterval, nameof(SuspectAfter), "must be longer than PingInterval");
        Check(DownAfter > SuspectAfter, nameof(DownAfter), "must be longer than SuspectAfter");
        Check(RetryMin > TimeSpan.Zero && RetryMax >= RetryMin, nameof(RetryMax), "must be at least RetryMin");
    }

    private static void CheckText(string text, string name)
    {
        int bytes = System.Text.Encoding.UTF8.GetByteCount(text);
        Check(bytes is >= 1 and <= 64, name, $"must be 1 to 64 bytes of UTF-8; it has {bytes}");
        Check(!text.Contains('\0', StringComparison.Ordinal), name, "must not contain NUL");
    }

    private static void Check(bool ok, string name, string rule)
    {
        if (!ok)
        {
            throw new ArgumentException($"{name} {rule}.", name);
        }
    }
}
