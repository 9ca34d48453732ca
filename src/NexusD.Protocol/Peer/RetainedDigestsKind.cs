namespace NexusD.Protocol.Peer;

/// <summary>What a RETAINED_DIGESTS frame asks or tells. Numbers are frozen.</summary>
public enum RetainedDigestsKind : byte
{
    /// <summary>Asks for the digests of all groups; no body.</summary>
    AskGroups = 0,

    /// <summary>64 digests, one of each group.</summary>
    Groups = 1,

    /// <summary>Asks for the leaves of groups: u16 each, 1 to 64.</summary>
    AskLeaves = 2,

    /// <summary>64 digests, one of each leaf of the group that stands in <c>extra</c>.</summary>
    Leaves = 3,

    /// <summary>Asks for lists of leaves: u16 each, 1 to 64.</summary>
    AskLists = 4,

    /// <summary>Entries: hash of the topic, timestamp, digest; u64 each, 1 to 2,048 entries.</summary>
    List = 5,

    /// <summary>Asks for the entries of topics by their hashes: u64 each, 1 to 4,096.</summary>
    AskEvents = 6,
}
