using NexusD.Routing.Trie;

namespace NexusD.Routing.Retained;

/// <summary>A prefix of topics with retained events; holds the event of the topic that ends here.</summary>
internal sealed class RetainedNode(RetainedNode? parent, byte[] level, uint hash) : LevelNode(parent, level, hash)
{
    public RetainedEvent? Event { get; set; }
}
