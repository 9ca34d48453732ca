using NexusD.Loops;

namespace NexusD.Sessions;

/// <summary>
/// Ends sessions that do not introduce themselves in time, and silent ones where there is an idle time-out. One timer
/// each for all sessions; no timer runs while there is nobody to wait for.
/// </summary>
internal sealed class SessionDeadlines
{
    private const int IdleLooksPerTimeout = 8;

    private readonly EventLoop _loop;
    private readonly List<AppSession> _sessions;

    // In the order in which they are due. A session that ends leaves at once: a flood of short ones holds no memory.
    private readonly LinkedList<(AppSession Session, long DueNs)> _handshakes = new();
    private readonly LoopTimer _handshakeTimer;
    private readonly LoopTimer _idleTimer;
    private readonly long _handshakeNs;
    private readonly long _idleNs;

    public SessionDeadlines(EventLoop loop, SessionOptions options, List<AppSession> sessions)
    {
        _loop = loop;
        _sessions = sessions;
        _handshakeNs = ToNs(options.HandshakeTimeout);
        _idleNs = ToNs(options.IdleTimeout);
        _handshakeTimer = loop.CreateTimer(EndHandshakes);
        _idleTimer = loop.CreateTimer(EndIdle);
    }

    /// <summary>A session begins.</summary>
    public void Watch(AppSession session)
    {
        long dueNs = _loop.NowNs + _handshakeNs;
        session.Handshake = _handshakes.AddLast((session, dueNs));
        if (!_handshakeTimer.IsSet)
        {
            _handshakeTimer.SetAt(dueNs);
        }

        if (_idleNs > 0 && !_idleTimer.IsSet)
        {
            _idleTimer.SetAt(_loop.NowNs + (_idleNs / IdleLooksPerTimeout));
        }
    }

    /// <summary>A session has ended.</summary>
    public void Forget(AppSession session)
    {
        if (session.Handshake is { List: not null } place)
        {
            _handshakes.Remove(place);
        }
    }

    private static long ToNs(TimeSpan time) => time.Ticks * TimeSpan.NanosecondsPerTick;

    private void EndHandshakes()
    {
        while (_handshakes.First is { } first)
        {
            (AppSession session, long dueNs) = first.Value;
            if (!session.IsWelcome && dueNs > _loop.NowNs)
            {
                _handshakeTimer.SetAt(dueNs);
                return;
            }

            _handshakes.Remove(first);
            if (!session.IsWelcome)
            {
                session.EndIdle();
            }
        }
    }

    private void EndIdle()
    {
        // From the end, because ending one moves the last into its place.
        for (int i = _sessions.Count - 1; i >= 0; i--)
        {
            if (_loop.NowNs - _sessions[i].LastHeardNs > _idleNs)
            {
                _sessions[i].EndIdle();
            }
        }

        if (_sessions.Count > 0)
        {
            _idleTimer.SetAt(_loop.NowNs + (_idleNs / IdleLooksPerTimeout));
        }
    }
}
