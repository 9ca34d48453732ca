using System.Text;
using NexusD.Protocol;
using NexusD.Protocol.App;
using NexusD.Protocol.Frames;

namespace NexusD.Sessions;

/// <content>
/// What comes back to a publisher: full subscriptions hold it up, and it hears of events of its own that were lost.
/// </content>
internal sealed partial class AppSession
{
    /// <summary>With so many bytes unsent, notices wait and add up.</summary>
    private const int NoticesFullBytes = 64 * 1024;

    private List<HeldPublisher>? _holds;
    private PublisherLosses? _losses;
    private bool _isNoticeDue;
    private bool _hasHungUp;

    /// <summary>Whether full subscriptions keep the daemon from reading what this session sends.</summary>
    public bool IsHeldByQueue => _holds is { Count: > 0 };

    /// <summary>The session whose publish is being routed; null when an event comes from elsewhere.</summary>
    public AppSession? Publishing => _table.Publishing;

    /// <summary>Whether it can be made to wait: nobody waits at a connection that was hung up.</summary>
    public bool CanBeHeld => !_hasHungUp && _state == State.Open;

    /// <summary>Reads nothing more from the client until every hold is over.</summary>
    public void Hold(HeldPublisher hold)
    {
        _holds ??= [];
        if (_holds.Count == 0)
        {
            _table.Held.Add(this);
            _connection.PauseReading();
        }

        _holds.Add(hold);
        _table.Held.WakeBy(hold.DueNs);
    }

    /// <summary>A subscription has room again, or is gone.</summary>
    public void Release(HeldPublisher hold)
    {
        if (_holds is not null && _holds.Remove(hold) && _holds.Count == 0)
        {
            _table.Held.Remove(this);
            if (!_isHeldUp)
            {
                _connection.ResumeReading();
            }
        }
    }

    /// <summary>Gives up what has waited long enough; returns when the next is due.</summary>
    public long EndHolds(long nowNs)
    {
        long next = long.MaxValue;
        for (int i = (_holds?.Count ?? 0) - 1; i >= 0; i--)
        {
            HeldPublisher hold = _holds![i];
            if (hold.DueNs <= nowNs)
            {
                hold.Subscription.GiveUp(hold, DropReason.BlockTimeout);
            }
            else
            {
                next = Math.Min(next, hold.DueNs);
            }
        }

        return next;
    }

    /// <summary>Lets the client know that the daemon is there although it does not answer.</summary>
    public void SendSignOfLife()
    {
        if (_connection.PendingBytes <= NoticesFullBytes)
        {
            _connection.Commit(new PingFrame(0, isPong: false).Write(_connection.Reserve(PingFrame.FrameBytes)));
        }
    }

    /// <summary>Notes that events of this session's publisher were dropped for a subscription of this node.</summary>
    public void NoteLoss(ulong number, int count, DropReason reason)
    {
        (_losses ??= new PublisherLosses()).Add(number, count, reason);
        if (!_isNoticeDue)
        {
            _isNoticeDue = true;
            _table.Notices.Add(this);
        }
    }

    /// <summary>Tells the client what was lost of its events, unless it is far behind with reading.</summary>
    public void TellLosses()
    {
        _isNoticeDue = false;
        if (_losses is not { IsEmpty: false } || _state is not (State.Open or State.Draining))
        {
            return;
        }

        if (_connection.PendingBytes > NoticesFullBytes)
        {
            _isNoticeDue = true;
            _table.Notices.Add(this);
            return;
        }

        WriteNotices();
    }

    private void WriteNotices()
    {
        while (_losses is not null && _losses.TryTake(out DropReason reason, out PublisherLosses.Loss loss))
        {
            var frame = new GapFrame
            {
                IsNotice = true,
                Reason = reason,
                Publisher = PublisherId,
                From = loss.From,
                To = loss.To,
                Count = loss.Count,
                Where = Encoding.UTF8.GetBytes(NodeName),
            };
            _connection.Commit(frame.Write(_connection.Reserve(frame.FrameBytes)));
        }
    }

    /// <summary>The client can no longer be held up: it has hung up, or the session ends.</summary>
    private void EndAllHolds()
    {
        _hasHungUp = true;
        while (_holds is { Count: > 0 } holds)
        {
            holds[^1].Subscription.GiveUp(holds[^1], DropReason.QueueFull);
        }
    }
}
