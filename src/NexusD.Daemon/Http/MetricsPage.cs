using NexusD.Buffers;
using NexusD.Daemon.Status;
using NexusD.Discovery.Multicast;
using NexusD.Peering;
using NexusD.Protocol;

namespace NexusD.Daemon.Http;

/// <summary>
/// All metrics of the node, from one snapshot. Their number does not grow with topics or apps, only with peers.
/// </summary>
internal static class MetricsPage
{
    /// <summary>Peers that have samples of their own; more are left out, the sums count them.</summary>
    private const int MaxPeers = 1_024;

    private static readonly string[] _linkStates = ["up", "suspect", "connecting", "down"];

    /// <summary>The page.</summary>
    public static ReadOnlyMemory<byte> Write(NodeSnapshot node)
    {
        var page = new PrometheusText();
        WriteNode(page, node);
        WriteEvents(page, node);
        WriteApps(page, node);
        WriteTopics(page, node);
        WriteMesh(page, node);
        WritePeers(page, node.Mesh);
        if (node.Beacons is { } beacons)
        {
            WriteDiscovery(page, beacons);
        }

        WriteMemory(page, node.Memory);
        WriteProcess(page, node);
        return page.Written;
    }

    private static void WriteNode(PrometheusText page, NodeSnapshot node)
    {
        NodeFacts facts = node.Facts;
        page.Gauge("nexusd_build_info", "Version of the daemon, its node and cluster; always 1.").Sample(
            1,
            ("version", facts.Version),
            ("node", facts.Name),
            ("cluster", facts.Cluster),
            ("quic", node.Mesh.Engine));
        page.Gauge("nexusd_uptime_seconds", "Time since the start.").Sample(node.Uptime.TotalSeconds);
        page.Gauge("nexusd_insecure", "1 when links are encrypted but not authenticated.")
            .Sample(facts.IsInsecure ? 1 : 0);
        page.Gauge("nexusd_health_port_conflict", "1 when the health port was in use and is not served.")
            .Sample(node.HealthPortConflict ? 1 : 0);
        page.Counter("nexusd_log_lines_dropped_total", "Log lines dropped because nobody read them.")
            .Sample(node.LogLinesDropped);
        page.Counter("nexusd_loop_turns_total", "Turns of the event loop.").Sample(node.LoopTurns);
        page.Counter("nexusd_clocks_refused_total", "Clocks of peers that were too far ahead to be followed.")
            .Sample(node.RefusedClocks);
    }

    private static void WriteEvents(PrometheusText page, NodeSnapshot node)
    {
        page.Counter("nexusd_messages_published_total", "Events that apps of this node published.")
            .Sample(node.Router.PublishedEvents);
        page.Counter("nexusd_messages_received_total", "Events that came from other nodes, duplicates not counted.")
            .Sample(node.Router.ReceivedEvents);
        page.Counter("nexusd_messages_matched_total", "Events that subscriptions of this node should get.")
            .Sample(node.Sessions.MatchedEvents);
        page.Counter("nexusd_messages_delivered_total", "Events written to apps of this node.")
            .Sample(node.Sessions.DeliveredEvents);
        page.Counter("nexusd_messages_forwarded_total", "Events handed to links to other nodes.")
            .Sample(node.Router.DeliveredPeerEvents);
        page.Counter("nexusd_messages_unrouted_total", "Events that nobody wanted.").Sample(node.Router.UnroutedEvents);
        page.Counter("nexusd_messages_dropped_total", "Events dropped, by reason and place.");
        foreach ((string reason, string where, long events) in node.Drops())
        {
            page.Sample(events, ("reason", reason), ("where", where));
        }
    }

    private static void WriteApps(PrometheusText page, NodeSnapshot node)
    {
        page.Gauge("nexusd_sessions", "Apps connected.").Sample(node.Sessions.Sessions);
        page.Counter("nexusd_sessions_accepted_total", "Connections of apps, refused ones included.")
            .Sample(node.Sessions.AcceptedConnections);
        page.Counter("nexusd_requests_refused_total", "Requests refused and sessions ended with an error, by error.");
        foreach (ErrorCode code in Enum.GetValues<ErrorCode>())
        {
            if (code != ErrorCode.None && node.Sessions.Refusals(code) is > 0 and long refusals)
            {
                page.Sample(refusals, ("error", code.ToWireName()));
            }
        }

        page.Gauge("nexusd_active_subscriptions", "Subscriptions of apps of this node.")
            .Sample(node.Sessions.Subscriptions);
        page.Gauge("nexusd_subscriber_queue_depth", "Events in the longest queue of any subscription of this node.")
            .Sample(node.QueueDepthMax);
        page.Gauge("nexusd_subscriber_queue_capacity", "Most events that a subscription's queue may hold.")
            .Sample(node.Facts.QueueCapacity);
        page.Gauge("nexusd_subscriber_queued_messages", "Events that wait in the queues of all subscriptions.")
            .Sample(node.Sessions.QueuedEvents);
        page.Gauge("nexusd_kept_subscriptions", "Subscriptions that wait for their app without a connection.")
            .Sample(node.Sessions.KeptSubscriptions);
        page.Gauge("nexusd_kept_bytes", "Bytes that these hold.").Sample(node.Sessions.KeptBytes);
        page.Counter("nexusd_kept_subscriptions_resumed_total", "Subscriptions that went on in another connection.")
            .Sample(node.Sessions.TakenOverSubscriptions);
        page.Counter("nexusd_kept_subscriptions_ended_total", "Kept or paused subscriptions that nobody came for.")
            .Sample(node.Sessions.KeepsOver);
        page.Counter("nexusd_messages_sent_again_total", "Events written again as they had not been confirmed.")
            .Sample(node.Sessions.SentAgainEvents);
    }

    private static void WriteTopics(PrometheusText page, NodeSnapshot node)
    {
        page.Gauge("nexusd_active_topics", "Topics known by name.").Sample(node.Router.Topics);
        page.Gauge("nexusd_local_filters", "Different filters that apps of this node subscribed to.")
            .Sample(node.Router.LocalFilters);
        page.Gauge("nexusd_peer_filters", "Different filters that other nodes want.").Sample(node.Router.PeerFilters);
        page.Gauge("nexusd_groups", "Groups ($share) that have a member somewhere.").Sample(node.Router.Groups);
        page.Gauge("nexusd_group_members", "Members of groups, by where they are.")
            .Sample(node.Router.LocalMembers, ("where", "here"))
            .Sample(node.Router.PeerMembers, ("where", "peers"));
        page.Counter("nexusd_group_messages_rerouted_total", "Events for a member that had left, given to another one.")
            .Sample(node.Router.RedirectedEvents);
        page.Gauge("nexusd_retained_messages", "Retained events kept.").Sample(node.Router.RetainedEvents);
        page.Gauge("nexusd_retained_messages_bytes", "Memory of retained events.").Sample(node.Router.RetainedBytes);
        page.Counter("nexusd_retained_messages_refused_total", "Retained events that found no room.")
            .Sample(node.Router.RefusedRetainedEvents);
        page.Gauge("nexusd_recovery_topics", "Topics whose last events are kept for apps that reconnect.")
            .Sample(node.Router.RecoveryTopics);
        page.Gauge("nexusd_recovery_bytes", "Memory of these events.").Sample(node.Router.RecoveryBytes);
        page.Counter("nexusd_recovery_evictions_total", "Topics whose last events gave way to those of others.")
            .Sample(node.Router.RecoveryEvictions);
        page.Counter("nexusd_replayed_messages_total", "Events replayed to apps that reconnected.")
            .Sample(node.Router.ReplayedEvents);
        page.Gauge("nexusd_retained_tombstones", "Deletions of retained events that are remembered.")
            .Sample(node.Router.RetainedTombstones);
        page.Counter("nexusd_retained_clock_ahead_total", "Retained events not kept because of a clock too far ahead.")
            .Sample(node.Router.AheadRetainedEvents);
        page.Counter("nexusd_retained_revived_total", "Old retained events that came back after a long cut.")
            .Sample(node.Router.RevivedRetainedEvents);
        page.Gauge("nexusd_retained_digest", "Equal on nodes that retain the same: 48 bits of the digest.")
            .Sample((long)(node.Router.RetainedDigest >> 16));
    }

    private static void WriteMesh(PrometheusText page, NodeSnapshot node)
    {
        MeshCounters counters = node.Mesh.Counters;
        page.Gauge("nexusd_mesh_peers_connected", "Other nodes that are linked.")
            .Sample(node.LinksThatAre("up") + node.LinksThatAre("suspect"));
        page.Gauge("nexusd_mesh_peers_total", "Links by state.");
        foreach (string state in _linkStates)
        {
            page.Sample(node.LinksThatAre(state), ("state", state));
        }

        page.Gauge("nexusd_mesh_addresses_known", "Addresses that discovery names.").Sample(node.Mesh.Addresses.Count);
        page.Counter("nexusd_mesh_dials_total", "Tries to reach an address.").Sample(counters.Dials);
        page.Counter("nexusd_mesh_dial_failures_total", "Tries that failed.").Sample(counters.DialFailures);
        page.Counter("nexusd_mesh_links_up_total", "Links that came up.").Sample(counters.LinksUp);
        page.Counter("nexusd_mesh_links_down_total", "Links that went down.").Sample(counters.LinksDown);
        page.Counter("nexusd_mesh_bytes_sent_total", "Bytes of events sent to other nodes.").Sample(counters.BytesOut);
        page.Counter("nexusd_mesh_bytes_received_total", "Bytes received from other nodes.").Sample(counters.BytesIn);
        page.Counter("nexusd_mesh_interest_repairs_total", "Times that a peer was asked to tell its interest again.")
            .Sample(counters.InterestRepairs);
        page.Counter("nexusd_mesh_retained_repairs_total", "Times that retained events were compared with a peer's.")
            .Sample(counters.RetainedRepairs);
        page.Counter("nexusd_mesh_retained_repaired_total", "Retained events taken over from peers by repair.")
            .Sample(counters.RetainedRepaired);
        page.Counter("nexusd_mesh_refused_total", "Links ended with an error, by error and by who ended them.");
        foreach (ErrorCode code in Enum.GetValues<ErrorCode>())
        {
            if (counters.RefusedHere(code) is > 0 and long here)
            {
                page.Sample(here, ("error", code.ToWireName()), ("by", "this"));
            }

            if (counters.RefusedByPeer(code) is > 0 and long there)
            {
                page.Sample(there, ("error", code.ToWireName()), ("by", "peer"));
            }
        }
    }

    private static void WritePeers(PrometheusText page, MeshSnapshot mesh)
    {
        LinkSnapshot[] links =
            [.. mesh.Links.Where(l => l.State is not (LinkState.Connecting or LinkState.Retiring)).Take(MaxPeers)];
        page.Gauge("nexusd_mesh_link_rtt_seconds", "Smoothed round-trip time.");
        WritePeers(page, links, l => l.RttMicroseconds / 1e6);
        page.Gauge("nexusd_mesh_link_up_seconds", "Age of the link.");
        WritePeers(page, links, l => l.UpSeconds);
        page.Gauge("nexusd_mesh_link_queue_bytes", "Bytes that wait or are not acknowledged yet.");
        WritePeers(page, links, l => l.QueuedBytes);
        page.Counter("nexusd_mesh_link_messages_sent_total", "Events sent.");
        WritePeers(page, links, l => l.EventsOut);
        page.Counter("nexusd_mesh_link_messages_received_total", "Events received.");
        WritePeers(page, links, l => l.EventsIn);
        page.Counter("nexusd_mesh_link_packets_lost_total", "QUIC packets lost and sent again.");
        WritePeers(page, links, l => l.PacketsLost);
    }

    private static void WritePeers(PrometheusText page, LinkSnapshot[] links, Func<LinkSnapshot, double> value)
    {
        foreach (LinkSnapshot link in links)
        {
            page.Sample(value(link), ("peer", link.NodeName), ("peer_id", link.NodeId));
        }
    }

    private static void WriteDiscovery(PrometheusText page, BeaconStatistics beacons)
    {
        page.Counter("nexusd_discovery_beacons_sent_total", "Beacons sent.").Sample(beacons.Sent);
        page.Counter("nexusd_discovery_beacon_send_errors_total", "Beacons that the kernel refused.")
            .Sample(beacons.SendErrors);
        page.Counter("nexusd_discovery_beacons_received_total", "Beacons of the own cluster taken.")
            .Sample(beacons.Received);
        page.Counter("nexusd_discovery_beacons_ignored_total", "Beacons ignored, by reason.")
            .Sample(beacons.Own, ("reason", "own"))
            .Sample(beacons.OtherCluster, ("reason", "other_cluster"))
            .Sample(beacons.OtherVersion, ("reason", "other_version"))
            .Sample(beacons.Malformed, ("reason", "malformed"))
            .Sample(beacons.Stale, ("reason", "stale"))
            .Sample(beacons.OverRate, ("reason", "over_rate"))
            .Sample(beacons.OverLimit, ("reason", "over_limit"));
        page.Counter("nexusd_discovery_peers_discovered_total", "Nodes that came into sight.").Sample(beacons.Found);
        page.Counter("nexusd_discovery_peers_lost_total", "Nodes that went out of sight.").Sample(beacons.Lost);
        page.Gauge("nexusd_discovery_peers_in_sight", "Nodes in sight.").Sample(beacons.Known);
    }

    private static void WriteMemory(PrometheusText page, MemoryFigures memory)
    {
        page.Gauge("nexusd_memory_budget_bytes", "Bound of everything that grows.").Sample(memory.Budget);
        page.Gauge("nexusd_memory_available_bytes", "What the process may have: its control group or the machine.")
            .Sample(memory.Available);
        page.Gauge("nexusd_memory_used_bytes", "What counts against the budget, by what it is held for.");
        for (int kind = 0; kind < memory.ByKind.Count; kind++)
        {
            page.Sample(memory.ByKind[kind], ("kind", MemoryFigures.NameOf((MemoryKind)kind)));
        }

        page.Gauge("nexusd_memory_withheld_bytes", "What the budget is lowered by for memory that is not counted.")
            .Sample(memory.Withheld);
        page.Gauge("nexusd_memory_refusing", "1 while new sessions and subscriptions are refused.")
            .Sample(memory.IsShort ? 1 : 0);
        page.Counter("nexusd_memory_cuts_total", "Times that queues were cut because the budget was near its end.")
            .Sample(memory.Cuts);
    }

    private static void WriteProcess(PrometheusText page, NodeSnapshot node)
    {
        ProcessFigures process = ProcessFigures.Read();
        page.Counter("nexusd_process_cpu_seconds_total", "Processor time.").Sample(process.CpuSeconds);
        page.Gauge("nexusd_process_memory_bytes", "Memory as the kernel, the runtime and the event buffers count it.")
            .Sample(process.ResidentBytes, ("type", "resident"))
            .Sample(process.VirtualBytes, ("type", "virtual"))
            .Sample(process.ManagedBytes, ("type", "managed"))
            .Sample(node.RentedBytes, ("type", "buffers_in_use"))
            .Sample(node.KeptBytes, ("type", "buffers_kept"));
        page.Gauge("nexusd_process_open_fds", "Open descriptors.").Sample(process.OpenFiles);
        page.Gauge("nexusd_process_threads", "Threads.").Sample(process.Threads);
        page.Counter("nexusd_process_gc_collections_total", "Garbage collections.").Sample(process.Collections);
    }
}
