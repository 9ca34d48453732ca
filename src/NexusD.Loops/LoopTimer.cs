namespace NexusD.Loops;

/// <summary>
/// A one-shot timer that belongs to one <see cref="EventLoop"/> and is used on its thread only. Setting it again moves
/// it; it costs no allocation after its creation.
/// </summary>
public sealed class LoopTimer
{
    private readonly EventLoop _loop;

    internal LoopTimer(EventLoop loop, Action fired)
    {
        _loop = loop;
        Fired = fired;
    }

    internal Action Fired { get; }

    internal long DueNs { get; set; }

    /// <summary>Place in the loop's heap; -1 while not set.</summary>
    internal int HeapIndex { get; set; } = -1;

    /// <summary>Whether the timer is waiting to fire.</summary>
    public bool IsSet => HeapIndex >= 0;

    /// <summary>
    /// Fires once at or after <paramref name="dueNs"/>, in nanoseconds of <see cref="MonotonicClock"/>.
    /// </summary>
    public void SetAt(long dueNs) => _loop.Timers.Set(this, dueNs);

    /// <summary>Fires once after the given time from now; negative means as soon as possible.</summary>
    public void SetAfter(TimeSpan delay) => SetAt(MonotonicClock.NowNs + (long)(delay.TotalMilliseconds * 1e6));

    /// <summary>Makes sure that it does not fire; harmless when not set.</summary>
    public void Cancel() => _loop.Timers.Remove(this);
}
