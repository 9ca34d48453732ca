using System.Buffers;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using NexusD.Buffers;
using NexusD.Peering;
using NexusD.Protocol;
using NexusD.Protocol.Topics;
using NexusD.Routing;
using NexusD.Routing.Retained;
using NexusD.Sessions;

namespace NexusD.Daemon.Status;

/// <summary>Makes the JSON answers to queries and probes.</summary>
internal static class StatusDocuments
{
    /// <summary>Entries of a list; more are cut and told (docs/protocol/app-v1.md, "QUERY").</summary>
    public const int MaxEntries = 10_000;

    /// <summary>With more apps than these their subscriptions are not listed: the list is about apps.</summary>
    private const int MaxDetailedClients = 1_000;

    /// <summary>Bytes of a list, so that it fits the frames that clients take by default.</summary>
    private const int MaxListBytes = 4_000_000;

    /// <summary>The query <c>status</c>.</summary>
    public static ReadOnlyMemory<byte> Status(NodeSnapshot node, string? notReadyBecause) =>
        JsonSerializer.SerializeToUtf8Bytes(Describe(node, notReadyBecause), StatusJson.Default.StatusDocument);

    /// <summary>The path <c>/livez</c>.</summary>
    public static ReadOnlyMemory<byte> Live(NodeSnapshot? node, string? notReadyBecause)
    {
        var document = new LiveDocument
        {
            Live = node is not null,
            Ready = node is not null && notReadyBecause is null,
            NotReadyBecause = notReadyBecause,
            Status = node is null ? null : Describe(node, notReadyBecause),
        };
        return JsonSerializer.SerializeToUtf8Bytes(document, StatusJson.Default.LiveDocument);
    }

    /// <summary>The query <c>peers</c>.</summary>
    public static ReadOnlyMemory<byte> Peers(MeshSnapshot mesh) =>
        List(PeerEntry.From(mesh), StatusJson.Default.PeerEntry, isWhole: true);

    /// <summary>The query <c>clients</c>.</summary>
    public static ReadOnlyMemory<byte> Clients(IReadOnlyList<SessionSnapshot> sessions) =>
        List(
            sessions.Select(session => ClientEntry.From(session, sessions.Count <= MaxDetailedClients)),
            StatusJson.Default.ClientEntry,
            isWhole: true);

    /// <summary>The query <c>topics</c>.</summary>
    public static ReadOnlyMemory<byte> Topics(Router router)
    {
        var topics = new List<TopicSnapshot>();
        bool isWhole = router.CollectTopics(MaxEntries, topics);
        var sorted = topics.OrderBy(t => t.Topic, StringComparer.Ordinal)
            .Select(t => new TopicEntry(t.Topic, t.Subscriptions, t.Peers, t.IsRetained, t.Groups));
        return List(sorted, StatusJson.Default.TopicEntry, isWhole);
    }

    /// <summary>The query <c>retained</c>.</summary>
    public static ReadOnlyMemory<byte> Retained(Router router, TopicFilter filter, string node, DateTimeOffset now)
    {
        var found = new List<RetainedEvent>();
        bool isWhole = router.Retained.List(filter, MaxEntries, found);
        var sorted = found.OrderBy(e => e.Topic.Text, StringComparer.Ordinal).Select(e =>
        {
            DateTimeOffset at = DateTimeOffset.FromUnixTimeMilliseconds(HybridClock.UnixMs(e.Timestamp));
            return new RetainedEntry(
                e.Topic.Text,
                e.Body.Length - EventRunBody.SizeFieldBytes,
                e.Publisher.ToString(CultureInfo.InvariantCulture),
                e.Number,
                at,
                Math.Max(0, (long)(now - at).TotalMilliseconds),
                e.TimeToLiveMs == 0 ? null : e.TimeToLiveMs,
                node);
        });
        return List(sorted, StatusJson.Default.RetainedEntry, isWhole);
    }

    private static ReadOnlyMemory<byte> List<T>(IEnumerable<T> entries, JsonTypeInfo<T> type, bool isWhole)
    {
        var bytes = new ArrayBufferWriter<byte>(4096);
        using var json = new Utf8JsonWriter(bytes);
        json.WriteStartArray();
        int count = 0;
        foreach (T entry in entries)
        {
            if (count++ == MaxEntries || json.BytesCommitted + json.BytesPending > MaxListBytes)
            {
                isWhole = false;
                break;
            }

            JsonSerializer.Serialize(json, entry, type);
        }

        if (!isWhole)
        {
            JsonSerializer.Serialize(json, new CutEntry(true), StatusJson.Default.CutEntry);
        }

        json.WriteEndArray();
        json.Flush();
        return bytes.WrittenMemory;
    }

    private static StatusDocument Describe(NodeSnapshot node, string? notReadyBecause)
    {
        NodeFacts facts = node.Facts;
        RouterStatistics router = node.Router;
        ProcessFigures process = ProcessFigures.Read();
        return new StatusDocument
        {
            Node = new(
                facts.NodeId.ToString(), facts.Name, facts.Cluster, facts.Version, facts.StartedAt,
                Math.Round(node.Uptime.TotalSeconds, 3)),
            Ready = notReadyBecause is null,
            NotReadyBecause = notReadyBecause,
            AppAddresses = facts.AppAddresses,
            Sessions = new(
                node.Sessions.Sessions, node.Sessions.AcceptedConnections, node.Sessions.Subscriptions,
                CountsByCode(node.Sessions.Refusals)),
            Events = new(
                router.PublishedEvents,
                router.ReceivedEvents,
                node.Sessions.DeliveredEvents,
                router.DeliveredPeerEvents,
                DescribeDrops(node)),
            Queues = new(
                node.Sessions.QueuedEvents, node.QueueDepthMax, facts.QueueCapacity,
                node.Mesh.Links.Sum(l => l.QueuedBytes)),
            Topics = new(router.Topics, router.LocalFilters, router.PeerFilters),
            Retained = new(
                router.RetainedEvents, router.RetainedTombstones, router.RetainedBytes, router.RefusedRetainedEvents,
                router.AheadRetainedEvents, router.RevivedRetainedEvents,
                router.RetainedDigest.ToString("x16", CultureInfo.InvariantCulture)),
            Memory = DescribeMemory(node.Memory),
            Mesh = DescribeMesh(node),
            Discovery = DescribeDiscovery(node),
            Process = new(process.CpuSeconds, process.ResidentBytes, process.OpenFiles, process.Threads),
        };
    }

    private static StatusDocument.DropPart[] DescribeDrops(NodeSnapshot node) =>
    [
        .. node.Drops().Where(d => d.Events > 0)
            .Select(d => new StatusDocument.DropPart(d.Reason, d.Where, d.Events)),
    ];

    private static StatusDocument.MemoryPart DescribeMemory(MemoryFigures memory) => new()
    {
        Budget = memory.Budget,
        Used = memory.Used,
        Available = memory.Available,
        Withheld = memory.Withheld,
        Ceiling = memory.Ceiling,
        Cuts = memory.Cuts,
        Refusing = memory.IsShort,
        ByKind = Enumerable.Range(0, memory.ByKind.Count)
            .ToDictionary(kind => MemoryFigures.NameOf((MemoryKind)kind), kind => memory.ByKind[kind]),
        TopClients = memory.Clients?.Select(c => new StatusDocument.ClientPart(c.Id, c.Name, c.Bytes)).ToArray(),
        TopTopics = memory.Topics?.ToDictionary(),
    };

    private static StatusDocument.MeshPart DescribeMesh(NodeSnapshot node) => new()
    {
        Address = node.Mesh.LocalEndPoint.ToString(),
        Engine = node.Mesh.Engine,
        Authenticated = node.Mesh.Authenticated,
        Up = node.LinksThatAre("up"),
        Suspect = node.LinksThatAre("suspect"),
        Connecting = node.LinksThatAre("connecting"),
        AddressesKnown = node.Mesh.Addresses.Count,
        Dials = node.Mesh.Counters.Dials,
        DialFailures = node.Mesh.Counters.DialFailures,
        LinksUpTotal = node.Mesh.Counters.LinksUp,
        LinksDownTotal = node.Mesh.Counters.LinksDown,
        Refused = CountsByCode(
            code => node.Mesh.Counters.RefusedHere(code) + node.Mesh.Counters.RefusedByPeer(code)),
    };

    private static StatusDocument.DiscoveryPart DescribeDiscovery(NodeSnapshot node) => new(
        node.Discovery,
        node.Beacons is not { } beacons ? null : new(
            beacons.Sent, beacons.SendErrors, beacons.Received, beacons.OtherCluster, beacons.Malformed,
            beacons.OtherVersion + beacons.Stale + beacons.OverRate + beacons.OverLimit, beacons.Known));

    private static Dictionary<string, long> CountsByCode(Func<ErrorCode, long> countOf)
    {
        var counts = new Dictionary<string, long>();
        foreach (ErrorCode code in Enum.GetValues<ErrorCode>())
        {
            long count = code == ErrorCode.None ? 0 : countOf(code);
            if (count > 0)
            {
                counts.Add(code.ToWireName(), count);
            }
        }

        return counts;
    }
}
