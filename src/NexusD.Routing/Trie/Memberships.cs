namespace NexusD.Routing.Trie;

/// <summary>
/// Under which nodes of its trie a target stands, and where in their lists: what makes adding a filter twice visible
/// and removing one cheap, for a subscription with one filter as for a link with a million.
/// </summary>
/// <remarks>
/// Writer only. A mutable struct: use it in place. Few entries are searched one by one, many by hash.
/// </remarks>
internal struct Memberships
{
    private const int FewEntries = 8;

    private Entry[]? _few;
    private Dictionary<TrieNode, int>? _many;
    private int _fewCount;

    public readonly int Count => _many?.Count ?? _fewCount;

    public readonly bool TryGet(TrieNode node, out int index)
    {
        if (_many is not null)
        {
            return _many.TryGetValue(node, out index);
        }

        int at = Find(node);
        index = at < 0 ? -1 : _few![at].Index;
        return at >= 0;
    }

    public void Add(TrieNode node, int index)
    {
        if (_many is null && _fewCount < FewEntries)
        {
            if (_fewCount == (_few?.Length ?? 0))
            {
                Array.Resize(ref _few, Math.Max(1, _fewCount * 2));
            }

            _few![_fewCount++] = new Entry(node, index);
            return;
        }

        if (_many is null)
        {
            _many = new Dictionary<TrieNode, int>(FewEntries * 2);
            foreach (Entry entry in _few!)
            {
                _many.Add(entry.Node, entry.Index);
            }

            _few = null;
            _fewCount = 0;
        }

        _many.Add(node, index);
    }

    public readonly void Move(TrieNode node, int index)
    {
        if (_many is not null)
        {
            _many[node] = index;
        }
        else
        {
            _few![Find(node)] = new Entry(node, index);
        }
    }

    public void Remove(TrieNode node)
    {
        if (_many is not null)
        {
            _many.Remove(node);
            return;
        }

        _few![Find(node)] = _few[--_fewCount];
        _few[_fewCount] = default;
    }

    /// <summary>One of the nodes; null when there is none.</summary>
    public readonly TrieNode? Any()
    {
        if (_many is null)
        {
            return _fewCount > 0 ? _few![0].Node : null;
        }

        foreach (TrieNode node in _many.Keys)
        {
            return node;
        }

        return null;
    }

    /// <summary>Takes everything out.</summary>
    public Entry[] TakeAll()
    {
        var all = new Entry[Count];
        int at = 0;
        if (_many is not null)
        {
            foreach ((TrieNode node, int index) in _many)
            {
                all[at++] = new Entry(node, index);
            }
        }
        else
        {
            Array.Copy(_few ?? [], all, _fewCount);
        }

        _few = null;
        _fewCount = 0;
        _many = null;
        return all;
    }

    private readonly int Find(TrieNode node)
    {
        for (int i = 0; i < _fewCount; i++)
        {
            if (ReferenceEquals(_few![i].Node, node))
            {
                return i;
            }
        }

        return -1;
    }

    public readonly record struct Entry(TrieNode Node, int Index);
}
