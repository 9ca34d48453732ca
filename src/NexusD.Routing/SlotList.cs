namespace NexusD.Routing;

/// <summary>
/// The targets that have a subscription, each at a small number of its own that others can set marks under.
/// </summary>
/// <remarks>
/// Invariant: a target's <see cref="DeliveryTarget.Slot"/> is its place here; free places are filled lowest first.
/// </remarks>
internal sealed class SlotList
{
    private readonly PriorityQueue<int, int> _free = new();
    private readonly List<DeliveryTarget?> _targets = [];

    /// <summary>Places to look at, free ones included.</summary>
    public int Count => _targets.Count;

    public DeliveryTarget? this[int slot] => _targets[slot];

    /// <summary>Adds a target unless it is here.</summary>
    public void Add(DeliveryTarget target)
    {
        if (target.Slot >= 0)
        {
            return;
        }

        if (_free.TryDequeue(out int slot, out _))
        {
            _targets[slot] = target;
        }
        else
        {
            slot = _targets.Count;
            _targets.Add(target);
        }

        target.Slot = slot;
    }

    public void Remove(DeliveryTarget target)
    {
        _targets[target.Slot] = null;
        _free.Enqueue(target.Slot, target.Slot);
        target.Slot = -1;
    }
}
