namespace NexusD.Routing.Trie;

/// <summary>
/// Collects the targets that a walk through a trie meets; one may come several times. Reused; one owner.
/// </summary>
internal sealed class MatchList
{
    private DeliveryTarget?[] _items = new DeliveryTarget?[16];

    public int Count { get; private set; }

    public DeliveryTarget this[int index] => _items[index]!;

    public void Add(DeliveryTarget target)
    {
        Reserve(1);
        _items[Count++] = target;
    }

    public void Add(TargetList list)
    {
        int count = list.Count;
        Reserve(count);
        DeliveryTarget?[] from = list.Items;
        for (int i = 0; i < count; i++)
        {
            if (Volatile.Read(ref from[i]) is { } target)
            {
                _items[Count++] = target;
            }
        }
    }

    public void Clear()
    {
        Array.Clear(_items, 0, Count);
        Count = 0;
    }

    private void Reserve(int more)
    {
        if (Count + more > _items.Length)
        {
            Array.Resize(ref _items, Math.Max(Count + more, _items.Length * 2));
        }
    }
}
