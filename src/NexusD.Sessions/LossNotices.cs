using NexusD.Loops;

namespace NexusD.Sessions;

/// <summary>
/// Tells publishers what was lost of their events, in sums: a loss is noted at once and told within a quarter of a
/// second, so that a flood of losses makes few notices.
/// </summary>
internal sealed class LossNotices
{
    private static readonly TimeSpan _pause = TimeSpan.FromMilliseconds(250);

    private readonly LoopTimer _timer;
    private List<AppSession> _due = [];
    private List<AppSession> _telling = [];

    public LossNotices(EventLoop loop) => _timer = loop.CreateTimer(Tell);

    /// <summary>A session has something to be told; call it once until it was told.</summary>
    public void Add(AppSession session)
    {
        _due.Add(session);
        if (!_timer.IsSet)
        {
            _timer.SetAfter(_pause);
        }
    }

    private void Tell()
    {
        (_due, _telling) = (_telling, _due);
        foreach (AppSession session in _telling)
        {
            session.TellLosses();
        }

        _telling.Clear();
    }
}
