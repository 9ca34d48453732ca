using NexusD.Protocol;
using NexusD.Routing.Topics;

namespace NexusD.Routing.Publishers;

/// <summary>
/// What is known of one publisher: the numbers had from it, and which subscriptions got its events from peers.
/// </summary>
/// <remarks>
/// A session pins the record of its own publisher and advances it with what it publishes, so that the same events are
/// known as duplicates when they come once more by way of a peer. Numbers only grow within a priority class.
/// </remarks>
public sealed class PublisherRecord : IEvictable
{
    private const int Classes = 3;

    // Subscriptions up to this slot are remembered one by one, those above as one group.
    private const int ExactSlots = 1024;

    private LastNumbers _last;
    private ulong _firstSlots;
    private ulong[]? _moreSlots;
    private bool _beyond;
    private int _pins;
    private ulong _localTo;

    internal PublisherRecord(ulong id) => Id = id;

    public ulong Id { get; }

    /// <summary>The highest number had in any class; 0: none.</summary>
    public ulong LastNumber => Math.Max(Math.Max(_last[0], _last[1]), _last[2]);

    /// <summary>How many leading events of a run were had already: 0 to <paramref name="count"/>.</summary>
    public int Duplicates(ulong number, int count, Priority priority)
    {
        ulong last = _last[ClassOf(priority)];
        return number > last ? 0 : (int)Math.Min((ulong)count, last - number + 1);
    }

    /// <summary>Takes note that a run was had.</summary>
    public void Advance(ulong number, int count, Priority priority)
    {
        ref ulong last = ref _last[ClassOf(priority)];
        last = Math.Max(last, number + (ulong)count - 1);
    }

    /// <summary>Whether a session of this node publishes under the id.</summary>
    public bool IsLocal => _pins > 0;

    /// <summary>Number from which on all that the publisher published passed this node, while it is local.</summary>
    public ulong LocalFrom { get; private set; }

    /// <summary>A session of this node publishes under the id from now on; as <see cref="Pin"/>.</summary>
    public void PinAsLocal(ulong nextNumber)
    {
        if (LocalFrom == 0 || _localTo + 1 < nextNumber)
        {
            LocalFrom = nextNumber; // it has published elsewhere meanwhile, or is new
        }

        Pin();
    }

    /// <summary>Keeps the record in its table until <see cref="Unpin"/>; a session does so for its lifetime.</summary>
    public void Pin() => _pins++;

    /// <summary>Undoes one <see cref="Pin"/>.</summary>
    public void Unpin()
    {
        _pins--;
        _localTo = LastNumber;
    }

    bool IEvictable.WasUsed
    {
        get => WasUsed;
        set => WasUsed = value;
    }

    bool IEvictable.IsPinned => _pins > 0;

    int IEvictable.RingIndex { get; set; } = -1;

    internal bool WasUsed;

    /// <summary>
    /// The topic and version whose local targets were marked last; spares marking them again for each run.
    /// </summary>
    internal Topic? MarkedTopic;

    internal long MarkedVersion;

    /// <summary>Takes note that the target in a slot got events of this publisher from a peer.</summary>
    internal void MarkDelivered(int slot)
    {
        if (slot < 64)
        {
            _firstSlots |= 1UL << slot;
        }
        else if (slot < ExactSlots)
        {
            _moreSlots ??= new ulong[ExactSlots / 64];
            _moreSlots[slot / 64] |= 1UL << (slot % 64);
        }
        else
        {
            _beyond = true;
        }
    }

    /// <summary>
    /// Whether the target in a slot got events of this publisher; may be true by mistake, never false.
    /// </summary>
    internal bool WasDelivered(int slot) => slot switch
    {
        < 64 => (_firstSlots & (1UL << slot)) != 0,
        < ExactSlots => _moreSlots is not null && (_moreSlots[slot / 64] & (1UL << (slot % 64))) != 0,
        _ => _beyond,
    };

    private static int ClassOf(Priority priority) => (int)priority < Classes ? (int)priority : 0;

    [System.Runtime.CompilerServices.InlineArray(Classes)]
    private struct LastNumbers
    {
        private ulong _first;
    }
}
