using NexusD.Buffers;
using NexusD.Protocol;
using NexusD.Protocol.Peer;
using NexusD.Protocol.Topics;
using NexusD.Routing.Interest;

namespace NexusD.Peering.Links;

/// <summary>
/// Entries of INTEREST, written once and then copied to each link: a list of slabs, each with as many entries as fit
/// one frame.
/// </summary>
/// <remarks>Owns its slabs; <see cref="Clear"/> gives them back.</remarks>
internal sealed class InterestBatch(SlabPool pool)
{
    private const int MostEntryBytes = ProtocolLimits.MaxInterestFrameBytes - InterestFrame.HeaderBytes;

    private readonly List<(Slab Slab, int Length)> _parts = [];

    public int Count => _parts.Count;

    public void Add(InterestChange change, TopicFilter filter) =>
        Add(change, filter.Canonical, 0, GroupStrategy.Sticky);

    public void Add(InterestChange change, in LocalMember member) =>
        Add(change, member.Filter.Canonical, member.Member, member.Strategy);

    /// <summary>The entries of one frame.</summary>
    public ReadOnlySpan<byte> Part(int index) => _parts[index].Slab.Slice(0, _parts[index].Length);

    public void Clear()
    {
        foreach ((Slab slab, _) in _parts)
        {
            slab.Release();
        }

        _parts.Clear();
    }

    private void Add(InterestChange change, ReadOnlySpan<byte> filter, uint member, GroupStrategy strategy)
    {
        int size = InterestReader.Size(change, filter.Length);
        if (_parts.Count == 0 || _parts[^1].Length + size > MostEntryBytes)
        {
            _parts.Add((pool.Rent(MemoryKind.Links), 0));
        }

        (Slab slab, int length) = _parts[^1];
        InterestReader.Write(slab.Slice(length, size), change, filter, member, strategy);
        _parts[^1] = (slab, length + size);
    }
}
