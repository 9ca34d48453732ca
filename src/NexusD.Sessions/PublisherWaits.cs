using NexusD.Loops;

namespace NexusD.Sessions;

/// <summary>
/// Sessions whose client came back before the end of its former connection was read here: they wait a moment for
/// their publisher id, so that what the former one still holds unread comes first and nothing comes twice under
/// another id. At most one session waits for an id.
/// </summary>
internal sealed class PublisherWaits
{
    /// <summary>How long an id is waited for; whose former connection hangs longer gets another one.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(1);

    // In the order in which they are due.
    private readonly LinkedList<(AppSession Session, ulong Id, long DueNs)> _waits = new();
    private readonly Dictionary<ulong, LinkedListNode<(AppSession Session, ulong Id, long DueNs)>> _byId = [];
    private readonly EventLoop _loop;
    private readonly LoopTimer _timer;

    public PublisherWaits(EventLoop loop)
    {
        _loop = loop;
        _timer = loop.CreateTimer(EndDue);
    }

    /// <summary>Sessions that wait.</summary>
    public int Count => _waits.Count;

    /// <summary>The session goes on by <see cref="AppSession.EndWaitForPublisher"/>.</summary>
    /// <returns>False: another one waits for this id already.</returns>
    public bool TryAdd(AppSession session, ulong id)
    {
        if (_byId.ContainsKey(id))
        {
            return false;
        }

        long dueNs = _loop.NowNs + (Limit.Ticks * TimeSpan.NanosecondsPerTick);
        _byId.Add(id, _waits.AddLast((session, id, dueNs)));
        if (!_timer.IsSet)
        {
            _timer.SetAt(dueNs);
        }

        return true;
    }

    /// <summary>An id is free; who waits for it goes on.</summary>
    public void Free(ulong id)
    {
        if (_byId.TryGetValue(id, out LinkedListNode<(AppSession Session, ulong Id, long DueNs)>? wait))
        {
            End(wait);
        }
    }

    /// <summary>A session that waits for an id has ended.</summary>
    public void Forget(AppSession session, ulong id)
    {
        if (_byId.TryGetValue(id, out LinkedListNode<(AppSession Session, ulong Id, long DueNs)>? wait)
            && wait.Value.Session == session)
        {
            _byId.Remove(id);
            _waits.Remove(wait);
        }
    }

    private void EndDue()
    {
        while (_waits.First is { } first)
        {
            if (first.Value.DueNs > _loop.NowNs)
            {
                _timer.SetAt(first.Value.DueNs);
                return;
            }

            End(first);
        }
    }

    private void End(LinkedListNode<(AppSession Session, ulong Id, long DueNs)> wait)
    {
        _byId.Remove(wait.Value.Id);
        _waits.Remove(wait);
        wait.Value.Session.EndWaitForPublisher();
    }
}
