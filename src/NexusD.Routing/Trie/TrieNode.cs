namespace NexusD.Routing.Trie;

/// <summary>A prefix of filters; holds the targets of the filter that ends here.</summary>
/// <remarks>
/// One writer, readers without a lock. Invariant: <c>_targets</c> is null (none), the only target itself, or a
/// <see cref="TargetList"/>; a node other than the root without targets and children is not in the trie.
/// </remarks>
internal sealed class TrieNode(TrieNode? parent, byte[] level, uint hash) : LevelNode(parent, level, hash)
{
    private object? _targets;
    private TrieNode? _anyLevel;
    private TrieNode? _anyRest;

    /// <summary>The child for <c>*</c>.</summary>
    public TrieNode? AnyLevel
    {
        get => Volatile.Read(ref _anyLevel);
        set => Volatile.Write(ref _anyLevel, value);
    }

    /// <summary>The child for <c>#</c>.</summary>
    public TrieNode? AnyRest
    {
        get => Volatile.Read(ref _anyRest);
        set => Volatile.Write(ref _anyRest, value);
    }

    public bool HasTargets => _targets is not null;

    public bool IsEmpty => _targets is null && _anyLevel is null && _anyRest is null && !HasChildren;

    public void AddTargetsTo(MatchList matches)
    {
        switch (Volatile.Read(ref _targets))
        {
            case null:
                break;
            case TargetList list:
                matches.Add(list);
                break;
            case object only:
                matches.Add((DeliveryTarget)only);
                break;
        }
    }

    /// <summary>Adds a target that is not here yet and tells it its place. Writer only.</summary>
    public void AddTarget(DeliveryTarget target)
    {
        int index = 0;
        switch (_targets)
        {
            case null:
                Volatile.Write(ref _targets, target);
                break;
            case TargetList list:
                TargetList roomy = list.IsFull ? list.Compacted(this) : list;
                index = roomy.Append(target);
                Volatile.Write(ref _targets, roomy);
                break;
            case object only:
                var first = new TargetList(4);
                first.Append((DeliveryTarget)only);
                index = first.Append(target);
                Volatile.Write(ref _targets, first);
                break;
        }

        target.Memberships.Add(this, index);
    }

    /// <summary>Removes the target at a place. Writer only.</summary>
    public void RemoveTarget(int index)
    {
        if (_targets is not TargetList list)
        {
            Volatile.Write(ref _targets, null);
            return;
        }

        list.RemoveAt(index);
        if (list.Live == 0)
        {
            Volatile.Write(ref _targets, null);
        }
        else if (list.IsSparse)
        {
            Volatile.Write(ref _targets, list.Compacted(this));
        }
    }
}
