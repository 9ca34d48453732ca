namespace NexusD.Routing.Trie;

/// <summary>The targets of one filter, two or more of them.</summary>
/// <remarks>
/// One writer, readers without a lock: a reader takes <see cref="Count"/> items and skips null. Adding appends;
/// removing leaves a hole, so nobody who stays moves under a reader. When an array is full, or mostly holes, a new list
/// is published and the old one left to its readers: amortised constant time per change however many targets there are.
/// </remarks>
internal sealed class TargetList(int capacity)
{
    private int _count;

    public DeliveryTarget?[] Items { get; } = new DeliveryTarget?[capacity];

    /// <summary>Items to look at, holes included.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Targets, holes excluded. Writer only.</summary>
    public int Live { get; private set; }

    public bool IsFull => _count == Items.Length;

    public bool IsSparse => _count > 8 && Live * 4 < _count;

    public int Append(DeliveryTarget target)
    {
        int index = _count;
        Items[index] = target;
        Volatile.Write(ref _count, index + 1);
        Live++;
        return index;
    }

    public void RemoveAt(int index)
    {
        Volatile.Write(ref Items[index], null);
        Live--;
    }

    /// <summary>A copy without holes with room to grow; tells the targets their new places.</summary>
    public TargetList Compacted(TrieNode node)
    {
        var next = new TargetList(Math.Max(4, (Live + 1) * 2));
        for (int i = 0; i < _count; i++)
        {
            if (Items[i] is { } target)
            {
                target.Memberships.Move(node, next.Append(target));
            }
        }

        return next;
    }
}
