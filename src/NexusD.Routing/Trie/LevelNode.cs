namespace NexusD.Routing.Trie;

/// <summary>A place in a tree of topic levels: the level that leads to it, and the way to its children.</summary>
/// <remarks>
/// One writer, any number of readers without a lock. <see cref="Level"/>, <see cref="Hash"/> and <see cref="Parent"/>
/// never change. Children are published whole by one volatile write, so a reader finds a child that is there during the
/// whole of its search; one that comes or goes meanwhile it may find or not. Invariant: <c>_children</c> is null
/// (none), the only child itself, or a <see cref="ChildTable"/> of two or more.
/// </remarks>
internal abstract class LevelNode
{
    private object? _children;

    protected LevelNode(LevelNode? parent, byte[] level, uint hash)
    {
        Parent = parent;
        Level = level;
        Hash = hash;
    }

    public LevelNode? Parent { get; }

    public byte[] Level { get; }

    public uint Hash { get; }

    public bool HasChildren => _children is not null;

    public bool Is(uint hash, ReadOnlySpan<byte> level) => Hash == hash && level.SequenceEqual(Level);

    /// <summary>The child at a level, or null.</summary>
    public LevelNode? Find(uint hash, ReadOnlySpan<byte> level)
    {
        object? children = Volatile.Read(ref _children);
        return children switch
        {
            null => null,
            ChildTable table => table.Find(hash, level),
            _ => ((LevelNode)children).Is(hash, level) ? (LevelNode)children : null,
        };
    }

    /// <summary>Adds a child that is not there yet. Writer only.</summary>
    public void Attach(LevelNode child)
    {
        object? next = _children switch
        {
            null => child,
            ChildTable table => table.With(child),
            LevelNode only => ChildTable.Of(only, child),
            _ => throw new InvalidOperationException("a node's children are of an unknown kind"),
        };
        Volatile.Write(ref _children, next);
    }

    /// <summary>Removes a child that is there. Writer only.</summary>
    public void Detach(LevelNode child) =>
        Volatile.Write(ref _children, _children is ChildTable table ? table.Without(child) : null);

    /// <summary>Calls back with each child; the tree must not change meanwhile.</summary>
    public void VisitChildren<TState>(ref TState state, ChildVisitor<TState> visit) where TState : allows ref struct
    {
        switch (_children)
        {
            case ChildTable table:
                table.Visit(ref state, visit);
                break;
            case LevelNode only:
                visit(only, ref state);
                break;
            default:
                break;
        }
    }
}

/// <summary>Receives one child of a node.</summary>
internal delegate void ChildVisitor<TState>(LevelNode child, ref TState state) where TState : allows ref struct;
