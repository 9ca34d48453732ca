namespace NexusD.Buffers;

/// <summary>What memory is held for. The order is that of status and metrics.</summary>
public enum MemoryKind : byte
{
    /// <summary>Events that wait for subscriptions.</summary>
    Queues,

    /// <summary>Bytes on their way to apps, and what they declared.</summary>
    Sessions,

    /// <summary>Long frames as they were received, which all their targets share.</summary>
    Payloads,

    /// <summary>Bytes that other nodes have not acknowledged, and frames under way from them.</summary>
    Links,

    /// <summary>The retained store.</summary>
    Retained,

    /// <summary>The last events of topics, for apps that come back.</summary>
    Recovery,

    /// <summary>Names of topics, their routes and the publishers seen.</summary>
    Topics,

    /// <summary>Filters of this node's subscriptions and of other nodes.</summary>
    Filters,

    /// <summary>Buffers that everybody shares.</summary>
    Shared,

    /// <summary>Slabs that wait for their next use.</summary>
    Spare,
}
