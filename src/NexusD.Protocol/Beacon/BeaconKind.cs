namespace NexusD.Protocol.Beacon;

/// <summary>What a beacon says (docs/protocol/beacon.md). Numbers are frozen.</summary>
public enum BeaconKind : byte
{
    /// <summary>"I am here".</summary>
    Announce = 1,

    /// <summary>"Who is there?": answered by an announce to the sender's address.</summary>
    Probe = 2,

    /// <summary>"I am going".</summary>
    Leave = 3,
}
