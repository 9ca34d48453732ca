namespace NexusD.Discovery.Multicast;

/// <summary>Counters of beacons since the start.</summary>
/// <param name="Sent">Beacons sent, counted once for each interface or receiver.</param>
/// <param name="SendErrors">Beacons that the kernel refused to send.</param>
/// <param name="Received">Beacons of other nodes of the own cluster that were taken.</param>
/// <param name="Own">Ignored: the node's own.</param>
/// <param name="OtherCluster">Ignored: of another cluster.</param>
/// <param name="OtherVersion">Ignored: of another version of the beacon.</param>
/// <param name="Malformed">Ignored: broke a rule of the beacon.</param>
/// <param name="Stale">Ignored: sent before the newest that was heard of that node.</param>
/// <param name="OverRate">Ignored: more than 200 a second.</param>
/// <param name="OverLimit">Ignored: more nodes than are remembered.</param>
/// <param name="Found">Nodes that came into sight.</param>
/// <param name="Lost">Nodes that went out of sight.</param>
/// <param name="Known">Nodes in sight now.</param>
public readonly record struct BeaconStatistics(
    long Sent,
    long SendErrors,
    long Received,
    long Own,
    long OtherCluster,
    long OtherVersion,
    long Malformed,
    long Stale,
    long OverRate,
    long OverLimit,
    long Found,
    long Lost,
    int Known);
