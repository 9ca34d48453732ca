using System.Net;
using NexusD.Daemon.Http;
using NexusD.Daemon.Status;
using NexusD.Discovery.Multicast;
using NexusD.Peering;
using NexusD.Protocol;
using NexusD.Routing;
using NexusD.Sessions;

namespace NexusD.Daemon.Tests.Http;

/// <summary>A node as the HTTP side sees it, without one.</summary>
internal sealed class SampleNode : INodeProbe
{
    public bool LoopAnswers { get; set; } = true;

    public string? NotReadyBecause { get; set; }

    public NodeSnapshot Snapshot { get; set; } = Make();

    public Task<bool> AnswersAsync(TimeSpan patience) => Task.FromResult(LoopAnswers);

    public Task<NodeSnapshot?> TakeSnapshotAsync(TimeSpan patience) =>
        Task.FromResult(LoopAnswers ? Snapshot : null);

    public static NodeSnapshot Make(string cluster = "test", params LinkSnapshot[] links) => new()
    {
        Facts = new NodeFacts
        {
            NodeId = new NodeId(new byte[NodeId.Size].Select((_, i) => (byte)i).ToArray()),
            Name = "n1",
            Cluster = cluster,
            Version = "0.1.0",
            StartedAt = DateTimeOffset.FromUnixTimeSeconds(1_700_000_000),
            IsInsecure = true,
            AppAddresses = ["unix:/run/nexusd/nexusd.sock", "tcp:127.0.0.1:5672"],
            QueueCapacity = 65_536,
        },
        Uptime = TimeSpan.FromSeconds(12.5),
        Router = new RouterStatistics { PublishedEvents = 7, ReceivedEvents = 5, DuplicateEvents = 2, Topics = 3 },
        Sessions = new SessionStatistics(),
        QueueDepthMax = 11,
        Mesh = new MeshSnapshot(
            new IPEndPoint(IPAddress.IPv6Any, 5671),
            "ngtcp2",
            false,
            links,
            [new AddressSnapshot("edge-9:5671", ["static"], "waiting", 4, 2, "no answer", 1.25)],
            new MeshCounters()),
        Discovery = ["multicast", "static"],
        Beacons = new BeaconStatistics { Sent = 10, OtherCluster = 1, Known = 2 },
        HealthPortConflict = true,
        LogLinesDropped = 0,
        Memory = new MemoryFigures
        {
            Budget = 32 << 20, Available = 64 << 20, ByKind = [3_000, 2_000, 0, 0, 500, 0, 0, 0, 65_536, 0],
            Withheld = 0, IsShort = false, Cuts = 4,
        },
        RentedBytes = 65_536,
        KeptBytes = 0,
        LoopTurns = 99,
        RefusedClocks = 0,
    };

    public static LinkSnapshot Link(string name, LinkState state, bool dialed = true) => new()
    {
        Id = 1,
        NodeId = "0123456789abcdef0123456789abcdef",
        NodeName = name,
        Version = "0.1.0",
        Address = "10.0.0.2:40000",
        MeshAddress = "10.0.0.2:5671",
        State = state,
        Dialed = dialed,
        UpSeconds = 3.5,
        RttMicroseconds = 250,
        InterestCount = 4,
        EventsIn = 5,
        EventsOut = 6,
        BytesIn = 500,
        BytesOut = 600,
        QueuedBytes = 10,
        DroppedLinkFull = 0,
        DroppedTooLarge = 0, DroppedLinkLost = 0, DroppedLinkDown = 0,
        PacketsLost = 0,
    };

    public static SessionSnapshot Client(long id, int depth) => new()
    {
        Id = id,
        ClientName = $"app-{id}",
        ClientLibrary = "csharp/0.1.0",
        PublisherId = ulong.MaxValue,
        Credentials = null,
        RemoteEndPoint = new IPEndPoint(IPAddress.Loopback, 40_000),
        ConnectedUnixMs = 1_700_000_000_000,
        Subscriptions = 1,
        IsHeldUp = false,
        Details =
        [
            new SubscriptionSnapshot(
                7, "a/#", 2, OverflowPolicy.Block, 24 + depth, 20, depth, 100, [0, 4, 0], HeldPublishers: 1),
        ],
        EventsIn = 10,
        BytesIn = 100,
        EventsOut = 20,
        BytesOut = 200,
        PendingBytes = 0,
        QueuedEvents = depth,
        QueueDepthMax = depth,
        DroppedEvents = [0, 4, 0, 0, 0, 0, 0],
        DuplicateEvents = 0,
        Refusals = 0,
    };
}
