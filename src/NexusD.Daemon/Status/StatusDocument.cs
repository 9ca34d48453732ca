namespace NexusD.Daemon.Status;

/// <summary>The answer to the query <c>status</c> and, with less, of <c>/livez</c>.</summary>
internal sealed record StatusDocument
{
    public required NodePart Node { get; init; }

    public required bool Ready { get; init; }

    public string? NotReadyBecause { get; init; }

    public required IReadOnlyList<string> AppAddresses { get; init; }

    public required SessionsPart Sessions { get; init; }

    public required EventsPart Events { get; init; }

    public required QueuesPart Queues { get; init; }

    public required TopicsPart Topics { get; init; }

    public required RetainedPart Retained { get; init; }

    public required MemoryPart Memory { get; init; }

    public required MeshPart Mesh { get; init; }

    public required DiscoveryPart Discovery { get; init; }

    public required ProcessPart Process { get; init; }

    internal sealed record NodePart(
        string Id, string Name, string Cluster, string Version, DateTimeOffset StartedAt, double UptimeSeconds);

    internal sealed record SessionsPart(
        long Open, long Accepted, long Subscriptions, IReadOnlyDictionary<string, long> Refused);

    /// <summary>Counters of events since the start.</summary>
    internal sealed record EventsPart(
        long Published, long Received, long Delivered, long Forwarded, IReadOnlyList<DropPart> Dropped);

    internal sealed record DropPart(string Reason, string Where, long Events);

    internal sealed record QueuesPart(long Events, int DepthMax, int Capacity, long LinkBytes);

    internal sealed record TopicsPart(int Known, int Filters, int PeerFilters);

    /// <summary>Nodes whose stores hold the same have the same digest.</summary>
    internal sealed record RetainedPart(
        int Events, int Tombstones, long Bytes, long Refused, long ClockAhead, long Revived, string Digest);

    /// <summary>The memory budget; all figures in bytes.</summary>
    internal sealed record MemoryPart
    {
        public required long Budget { get; init; }

        public required long Used { get; init; }

        /// <summary>What the process may have: the limit of its control group, else the machine's memory.</summary>
        public required long Available { get; init; }

        /// <summary>What the budget is lowered by because the process holds more than is counted here.</summary>
        public required long Withheld { get; init; }

        /// <summary>Most that one queue may hold now; left out while memory is no concern.</summary>
        public long? Ceiling { get; init; }

        /// <summary>How often queues were cut.</summary>
        public required long Cuts { get; init; }

        /// <summary>Whether new sessions and subscriptions are refused.</summary>
        public required bool Refusing { get; init; }

        public required IReadOnlyDictionary<string, long> ByKind { get; init; }

        /// <summary>The apps that hold most.</summary>
        public IReadOnlyList<ClientPart>? TopClients { get; init; }

        /// <summary>The beginnings of topics whose events hold most.</summary>
        public IReadOnlyDictionary<string, long>? TopTopics { get; init; }
    }

    internal sealed record ClientPart(long Id, string Name, long Bytes);

    internal sealed record MeshPart
    {
        public required string Address { get; init; }

        public required string Engine { get; init; }

        public required bool Authenticated { get; init; }

        public required int Up { get; init; }

        public required int Suspect { get; init; }

        public required int Connecting { get; init; }

        public required int AddressesKnown { get; init; }

        public required long Dials { get; init; }

        public required long DialFailures { get; init; }

        public required long LinksUpTotal { get; init; }

        public required long LinksDownTotal { get; init; }

        /// <summary>Links ended by either side with an error, by its name.</summary>
        public required IReadOnlyDictionary<string, long> Refused { get; init; }
    }

    internal sealed record DiscoveryPart(IReadOnlyList<string> InUse, BeaconsPart? Beacons);

    internal sealed record BeaconsPart(
        long Sent, long SendErrors, long Received, long OtherCluster, long Malformed, long Ignored, int NodesInSight);

    internal sealed record ProcessPart(double CpuSeconds, long ResidentBytes, int OpenFiles, int Threads);
}
