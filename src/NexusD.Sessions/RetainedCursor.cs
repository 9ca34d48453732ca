using System.Diagnostics.CodeAnalysis;
using NexusD.Routing;
using NexusD.Routing.Retained;

namespace NexusD.Sessions;

/// <summary>
/// Retained events that a new subscription is still to get, one at a time as the client takes them. A live event of a
/// topic replaces the retained one that waits: a client never sees an older state after a newer one, and nothing twice.
/// </summary>
internal sealed class RetainedCursor
{
    private readonly Dictionary<Topic, int> _waiting;
    private RetainedEvent?[] _events;
    private int _next;

    public RetainedCursor(ReadOnlySpan<RetainedEvent> events)
    {
        _events = new RetainedEvent?[events.Length];
        _waiting = new Dictionary<Topic, int>(events.Length, TopicNameComparer.Instance);
        for (int i = 0; i < events.Length; i++)
        {
            _events[i] = events[i];
            _waiting.Add(events[i].Topic, i);
        }
    }

    /// <summary>The next event, to be sent now; false when all are sent or replaced.</summary>
    public bool TryNext([NotNullWhen(true)] out RetainedEvent? next)
    {
        while (_next < _events.Length)
        {
            next = _events[_next];
            _events[_next++] = null;
            if (next is not null)
            {
                _waiting.Remove(next.Topic);
                return true;
            }
        }

        next = null;
        _events = [];
        return false;
    }

    /// <summary>Takes note that a live run goes to the subscription.</summary>
    public void NoteLive(in EventRun run)
    {
        if (!_waiting.TryGetValue(run.Topic, out int index) || _events[index] is not { } waiting)
        {
            return;
        }

        bool isNewer = (run.Timestamp, run.Publisher, run.LastNumber)
            .CompareTo((waiting.Timestamp, waiting.Publisher, waiting.Number)) >= 0;
        if (isNewer)
        {
            _events[index] = null;
            _waiting.Remove(run.Topic);
        }
    }
}
