using NexusD.Protocol;

namespace NexusD.Routing.Groups;

/// <summary>
/// Which member of a group a topic belongs to, so that all nodes that know the same members come to the same one, and
/// only the topics of a member that leaves move (docs/protocol/peer-v1.md "Groups"): the highest score wins.
/// </summary>
internal static class Rendezvous
{
    /// <summary>What stands for a member: the hash of its node's id and its number there.</summary>
    public static ulong SeedOf(NodeId node, uint member)
    {
        Span<byte> id = stackalloc byte[NodeId.Size];
        node.CopyTo(id);
        return Fnv1a64.Add(Fnv1a64.Hash(id), (ulong)member);
    }

    /// <summary>The score of a member for a topic; <paramref name="topic"/> is the FNV-1a hash of its name.</summary>
    public static ulong Score(ulong topic, ulong seed)
    {
        // The finalizer of MurmurHash3: every bit of the input moves half of the bits of the score.
        ulong score = topic ^ seed;
        score = (score ^ (score >> 33)) * 0xFF51AFD7ED558CCD;
        score = (score ^ (score >> 33)) * 0xC4CEB9FE1A85EC53;
        return score ^ (score >> 33);
    }
}
