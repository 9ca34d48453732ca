using NexusD.Loops;

namespace NexusD.Peering;

/// <summary>
/// What the mesh needs of an event loop and of the clocks. A seam so that state machines run in virtual time in tests;
/// <see cref="EventLoopAdapter"/> is what runs in a daemon.
/// </summary>
internal interface IMeshLoop
{
    /// <summary>Monotonic time of the current turn, nanoseconds.</summary>
    long NowNs { get; }

    /// <summary>Wall clock, milliseconds since 1970-01-01 UTC.</summary>
    long UnixMs { get; }

    /// <summary>See <see cref="EventLoop.FlushAtEndOfTurn"/>.</summary>
    void FlushAtEndOfTurn(ILoopFlush flush);

    /// <summary>Runs work on the loop's thread soon. Any thread.</summary>
    void Post(Action work);

    /// <summary>Says what to run when the time set by <see cref="WakeAt"/> has come. Called once.</summary>
    void OnWake(Action wake);

    /// <summary>
    /// Wakes once at or after this time; a new call moves it; <see cref="long.MaxValue"/>: not at all.
    /// </summary>
    void WakeAt(long dueNs);
}

/// <summary>The loop of a daemon.</summary>
internal sealed class EventLoopAdapter(EventLoop loop, TimeProvider time) : IMeshLoop
{
    private LoopTimer? _timer;

    public long NowNs => loop.NowNs;

    public long UnixMs => time.GetUtcNow().ToUnixTimeMilliseconds();

    public void FlushAtEndOfTurn(ILoopFlush flush) => loop.FlushAtEndOfTurn(flush);

    public void Post(Action work) => loop.Post(work);

    public void OnWake(Action wake) => _timer = loop.CreateTimer(wake);

    public void WakeAt(long dueNs)
    {
        if (dueNs == long.MaxValue)
        {
            _timer!.Cancel();
        }
        else
        {
            _timer!.SetAt(dueNs);
        }
    }
}
