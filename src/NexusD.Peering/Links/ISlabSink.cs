using NexusD.Buffers;

namespace NexusD.Peering.Links;

/// <summary>Where a <see cref="StreamWriter"/> hands what it has written.</summary>
internal interface ISlabSink
{
    /// <summary>Takes over one reference to the slab, whose bytes are not changed any more.</summary>
    void Take(Slab slab, int offset, int length);
}
