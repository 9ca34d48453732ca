namespace NexusdBench;

/// <summary>
/// Keeps one publisher at most so many events ahead of the slowest subscriber, without spinning: the publisher sleeps,
/// and the subscriber that reaches the mark wakes it.
/// </summary>
internal sealed class FlowWindow(int window, SubscriberLoad[] subscribers, int publisher) : IDisposable
{
    private readonly SemaphoreSlim _wake = new(0);
    private long _allowed;

    /// <summary>How many events may be sent before asking again.</summary>
    /// <param name="sent">Events sent so far.</param>
    /// <param name="stop">Ends the wait.</param>
    internal long Allow(long sent, CancellationToken stop)
    {
        if (window == 0)
        {
            return long.MaxValue;
        }

        while (sent >= _allowed && !stop.IsCancellationRequested)
        {
            var slowest = Slowest();
            _allowed = slowest.Received(publisher) + window;
            if (sent < _allowed)
            {
                break;
            }

            // Woken when half of the window is free again, so that both sides work in long stretches.
            slowest.CallAt(publisher, sent - (window / 2), _wake);
            _wake.Wait(stop);
        }

        return _allowed - sent;
    }

    public void Dispose() => _wake.Dispose();

    private SubscriberLoad Slowest()
    {
        var slowest = subscribers[0];
        foreach (var subscriber in subscribers)
        {
            slowest = subscriber.Received(publisher) < slowest.Received(publisher) ? subscriber : slowest;
        }

        return slowest;
    }
}
