using NexusD.Loops;

namespace NexusD.Sessions;

/// <summary>The sessions that full subscriptions hold up, and the one timer that ends their waits in time.</summary>
internal sealed class HeldSessions
{
    private readonly EventLoop _loop;
    // Clients end connections that are silent for a few seconds, and a held session answers no PING.
    private static readonly TimeSpan _beat = TimeSpan.FromSeconds(1);

    private readonly LoopTimer _timer;
    private readonly LoopTimer _beatTimer;
    private readonly List<AppSession> _sessions = [];
    private long _timerDueNs;

    public HeldSessions(EventLoop loop)
    {
        _loop = loop;
        _timer = loop.CreateTimer(EndDue);
        _beatTimer = loop.CreateTimer(Beat);
    }

    /// <summary>Sessions held up at the moment.</summary>
    public int Count => _sessions.Count;

    public void Add(AppSession session)
    {
        _sessions.Add(session);
        if (!_beatTimer.IsSet)
        {
            _beatTimer.SetAfter(_beat);
        }
    }

    public void Remove(AppSession session) => _sessions.Remove(session);

    /// <summary>Sees to it that a wait is ended when it is due.</summary>
    public void WakeBy(long dueNs)
    {
        if (!_timer.IsSet || dueNs < _timerDueNs)
        {
            _timerDueNs = dueNs;
            _timer.SetAt(dueNs);
        }
    }

    private void Beat()
    {
        foreach (AppSession session in _sessions)
        {
            session.SendSignOfLife();
        }

        if (_sessions.Count > 0)
        {
            _beatTimer.SetAfter(_beat);
        }
    }

    private void EndDue()
    {
        long next = long.MaxValue;
        for (int i = _sessions.Count - 1; i >= 0; i--)
        {
            next = Math.Min(next, _sessions[i].EndHolds(_loop.NowNs));
        }

        if (next != long.MaxValue)
        {
            WakeBy(next);
        }
    }
}
