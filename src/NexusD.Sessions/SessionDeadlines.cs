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
    private readonly Queue<(AppSession Session, long DueNs)> _handshakes = new();
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
        _handshakes.Enqueue((session, dueNs));
        if (!_handshakeTimer.IsSet)
        {
            _handshakeTimer.SetAt(dueNs);
        }

        if (_idleNs > 0 && !_idleTimer.IsSet)
        {
            _idleTimer.SetAt(_loop.NowNs + (_idleNs / IdleLooksPerTimeout));
        }
    }

    private static long ToNs(TimeSpan time) => time.Ticks * TimeSpan.NanosecondsPerTick;

    private void EndHandshakes()
    {
        while (_handshakes.TryPeek(out (AppSession Session, long DueNs) first))
        {
            if (!first.Session.IsWelcome && first.DueNs > _loop.NowNs)
            {
                _handshakeTimer.SetAt(first.DueNs);
                return;
            }

            _handshakes.Dequeue();
            if (!first.Session.IsWelcome)
            {
                first.Session.EndIdle();
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
