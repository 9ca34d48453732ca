using NexusD.Routing;

namespace NexusD.Peering.Links;

/// <summary>
/// The topic aliases of the sending side of a link: one number per topic, the same on all its lanes. In: the router's
/// note about topic and link. Out: an alias, and an epoch that tells lanes whether they have declared it.
/// </summary>
/// <remarks>
/// When all numbers are in use the next one in turn is taken from its topic. Whoever still remembers it for the old
/// topic finds another epoch in the table and asks for a new one. So nothing has to be searched or undone.
/// </remarks>
internal sealed class AliasTable
{
    private readonly int _max;
    private uint[] _epochs = [];
    private uint _epoch;
    private int _next = 1;

    /// <param name="max">Highest alias that the peer takes; 0: none.</param>
    public AliasTable(int max) => _max = max;

    /// <summary>Aliases taken from a topic for another one.</summary>
    public long Recycled { get; private set; }

    /// <summary>The alias of the topic that <paramref name="entry"/> is about; 0: send the topic as text.</summary>
    public uint Get(ref RouteEntry entry)
    {
        uint alias = entry.Alias;
        if (alias != 0 && alias < (uint)_epochs.Length && _epochs[alias] == entry.AliasEpoch)
        {
            return alias;
        }

        return _max == 0 || !entry.RemembersAlias ? 0 : Assign(ref entry);
    }

    private uint Assign(ref RouteEntry entry)
    {
        int alias = _next;
        _next = alias == _max ? 1 : alias + 1;
        if (alias >= _epochs.Length)
        {
            Array.Resize(ref _epochs, Math.Min(_max + 1, Math.Max(16, alias * 2)));
        }

        Recycled += _epochs[alias] != 0 ? 1 : 0;

        // 0 means never assigned, and the router keeps the highest value for itself.
        _epoch = _epoch >= uint.MaxValue - 1 ? 1 : _epoch + 1;
        _epochs[alias] = _epoch;
        entry.Alias = (uint)alias;
        entry.AliasEpoch = _epoch;
        return (uint)alias;
    }
}
