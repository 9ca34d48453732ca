namespace NexusD.Protocol.Peer;

/// <summary>What an entry of INTEREST does. Numbers are frozen.</summary>
public enum InterestChange : byte
{
    Add = 1,
    Remove = 2,

    /// <summary>A member of a group is there.</summary>
    Join = 3,

    /// <summary>A member of a group is gone.</summary>
    Leave = 4,
}
