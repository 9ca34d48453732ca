using NexusD.Protocol;
using NexusD.Protocol.App;

namespace NexusdClient.Publishing;

/// <summary>
/// One PUBLISH frame that asked for an acknowledgement, with the callers who wait for it. The daemon answers such
/// frames in order, so the oldest one is always the one that an ACK is for.
/// </summary>
internal sealed class PendingAck
{
    private TaskCompletionSource<PublishResult> _first;
    private List<TaskCompletionSource<PublishResult>>? _more;

    internal PendingAck(long start, long deadline, TaskCompletionSource<PublishResult> waiter)
    {
        Start = start;
        Deadline = deadline;
        _first = waiter;
    }

    /// <summary>Position of the frame in the log.</summary>
    internal long Start { get; set; }

    /// <summary>Milliseconds of <see cref="Environment.TickCount64"/> after which the callers are told.</summary>
    internal long Deadline { get; }

    internal void Add(TaskCompletionSource<PublishResult> waiter) => (_more ??= []).Add(waiter);

    internal void Complete(in AckFrame ack)
    {
        if (ack.Code != ErrorCode.None)
        {
            Fail(PublishErrors.Refused(ack.Code));
            return;
        }

        var local = (int)ack.Local;
        var peers = (int)ack.Peers;
        _first.TrySetResult(new PublishResult(local, peers, ack.Number));
        for (var i = 0; i < (_more?.Count ?? 0); i++)
        {
            _more![i].TrySetResult(new PublishResult(local, peers, ack.Number + (ulong)i + 1));
        }
    }

    internal void Fail(Exception error)
    {
        _first.TrySetException(error);
        if (_more is not null)
        {
            foreach (var waiter in _more)
            {
                waiter.TrySetException(error);
            }
        }
    }
}
