namespace NexusD.Loops;

/// <summary>
/// What happened to a watched file descriptor. Values are those of <c>epoll_event.events</c> (epoll_ctl(2)).
/// </summary>
[Flags]
public enum LoopEvents : uint
{
    None = 0,
    Readable = 0x001,
    Writable = 0x004,
    Error = 0x008,
    HangUp = 0x010,
}

/// <summary>Told on the loop's thread that a watched descriptor is ready.</summary>
public interface ILoopWatcher
{
    /// <summary>Must not block and must not throw; level-triggered, so unread bytes are reported again.</summary>
    void OnReady(LoopEvents events);
}

/// <summary>Told once at the end of the loop's current turn, after all ready descriptors were served.</summary>
public interface ILoopFlush
{
    /// <summary>Must not block and must not throw. Asked for by <see cref="EventLoop.FlushAtEndOfTurn"/>.</summary>
    void OnEndOfTurn();
}
