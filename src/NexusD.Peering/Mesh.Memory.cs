using NexusD.Buffers;
using NexusD.Peering.Links;

namespace NexusD.Peering;

/// <content>What links hold, for the memory budget; shortens what waits for nodes that cannot be reached.</content>
public sealed partial class Mesh : IMemoryHolder
{
    // Measured: a connection of the engine with its TLS session, and what the link keeps beside its lanes.
    private const int LinkBytes = 48 * 1024;

    /// <inheritdoc/>
    public void AddHeld(Span<long> bytesByKind)
    {
        long aliases = 0;
        foreach (PeerChannel channel in _channels.Values)
        {
            aliases += channel.Ledger.AliasBytes;
        }

        bytesByKind[(int)MemoryKind.Links] += aliases + ((long)_links.Count * LinkBytes);
    }

    /// <inheritdoc/>
    public void ShrinkCaches(long bytes)
    {
    }

    /// <inheritdoc/>
    public void AddLines(MemoryLevels levels)
    {
        foreach (PeerChannel channel in _channels.Values)
        {
            levels.Add(channel.CuttableBytes);
        }
    }

    /// <inheritdoc/>
    public void Lower(long ceiling)
    {
        foreach (PeerChannel channel in _channels.Values)
        {
            channel.CutTo(_context.Pool.Budget.LinkCeiling);
        }
    }
}
