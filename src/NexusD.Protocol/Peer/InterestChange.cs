namespace NexusD.Protocol.Peer;

/// <summary>What an entry of INTEREST does. Numbers are frozen.</summary>
public enum InterestChange : byte
{
    Add = 1,
    Remove = 2,
}
