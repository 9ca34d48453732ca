using System.Collections.Concurrent;

namespace NexusD.Loops;

/// <summary>
/// One thread that waits on descriptors, timers and a mailbox together (epoll). What arrives on a loop is decoded,
/// routed and written by that loop; only <see cref="Post"/> and <see cref="Stop"/> may be called from other threads.
/// </summary>
/// <remarks>
/// A turn: wait, serve every ready descriptor, run the mailbox, fire due timers, then call each
/// <see cref="ILoopFlush"/> that asked for it once. So a target that received a thousand events in a turn is written to
/// once. Sees the kernel and nothing of NexusD.
/// </remarks>
public sealed unsafe class EventLoop : IDisposable
{
    private const int EventsPerWait = 256;
    private const int FlushRounds = 3;

    private readonly int _epoll = Epoll.Create();
    private readonly int _wakeFd = Epoll.CreateWakeFd();
    private readonly ConcurrentQueue<Action> _mailbox = new();
    private readonly Epoll.Event[] _ready = GC.AllocateArray<Epoll.Event>(EventsPerWait, pinned: true);
    private readonly Action<Exception> _onFault;
    private readonly List<int> _freeSlots = [];
    private WatchSlot[] _slots = new WatchSlot[64];
    private int _slotCount = 1; // slot 0 is the mailbox
    private List<ILoopFlush> _flushes = [];
    private List<ILoopFlush> _flushing = [];
    private int _wakeSent;
    private bool _isHurried;
    private volatile bool _stopping;
    private Thread? _thread;

    /// <param name="onFault">Receives exceptions of mailbox work, watchers and timers: bugs, since none of them may
    /// throw. The loop goes on.</param>
    public EventLoop(Action<Exception>? onFault = null)
    {
        _onFault = onFault ?? (static e => Console.Error.WriteLine(e));
        Timers = new TimerHeap();
        Epoll.Control(_epoll, Epoll.CtlAdd, _wakeFd, (uint)LoopEvents.Readable, 0);
        NowNs = MonotonicClock.NowNs;
    }

    internal TimerHeap Timers { get; }

    /// <summary>
    /// Monotonic time at the start of the current turn, in nanoseconds; cheap, and the same for the whole turn.
    /// </summary>
    public long NowNs { get; private set; }

    /// <summary>Turns made so far; for statistics.</summary>
    public long Turns { get; private set; }

    /// <summary>
    /// Least time between the starts of two turns, in nanoseconds; 0 (default): none. What comes within that time is
    /// served in one turn, which under a small CPU quota saves most of the cost of an event. What comes after a rest is
    /// served at once.
    /// </summary>
    public long TurnSpacingNs { get; set; }

    /// <summary>Whether the caller is on the thread that runs this loop.</summary>
    public bool IsLoopThread => _thread == Thread.CurrentThread;

    /// <summary>Runs on the calling thread until <see cref="Stop"/>.</summary>
    public void Run()
    {
        _thread = Thread.CurrentThread;
        while (!_stopping)
        {
            RunTurn();
        }
    }

    /// <summary>Runs on a background thread of its own until <see cref="Stop"/>.</summary>
    public Thread StartThread(string name)
    {
        var thread = new Thread(Run, 512 * 1024) { Name = name, IsBackground = true };
        _thread = thread;
        thread.Start();
        return thread;
    }

    /// <summary>Ends <see cref="Run"/> after the current turn. Any thread.</summary>
    public void Stop()
    {
        _stopping = true;
        Epoll.Wake(_wakeFd);
    }

    /// <summary>Runs <paramref name="work"/> on the loop's thread soon, in the order posted. Any thread.</summary>
    public void Post(Action work)
    {
        _mailbox.Enqueue(work);
        if (Interlocked.Exchange(ref _wakeSent, 1) == 0)
        {
            Epoll.Wake(_wakeFd);
        }
    }

    /// <summary>Makes a timer of this loop; not yet set. <paramref name="fired"/> runs on the loop's thread.</summary>
    public LoopTimer CreateTimer(Action fired) => new(this, fired);

    /// <summary>
    /// Starts watching a descriptor; returns a token for <see cref="Rewatch"/> and <see cref="Unwatch"/>.
    /// </summary>
    /// <exception cref="System.ComponentModel.Win32Exception">The kernel refuses, for example at the limit of
    /// watches.</exception>
    public int Watch(int fd, LoopEvents events, ILoopWatcher watcher)
    {
        int slot;
        if (_freeSlots.Count > 0)
        {
            slot = _freeSlots[^1];
            _freeSlots.RemoveAt(_freeSlots.Count - 1);
        }
        else
        {
            slot = _slotCount++;
            if (slot == _slots.Length)
            {
                Array.Resize(ref _slots, slot * 2);
            }
        }

        ref WatchSlot entry = ref _slots[slot];
        entry.Fd = fd;
        entry.Watcher = watcher;
        Epoll.Control(_epoll, Epoll.CtlAdd, fd, (uint)events, Key(slot));
        return slot;
    }

    /// <summary>
    /// Changes what to watch for; <see cref="LoopEvents.None"/> pauses (errors and hang-ups are still told).
    /// </summary>
    public void Rewatch(int token, LoopEvents events) =>
        Epoll.Control(_epoll, Epoll.CtlMod, _slots[token].Fd, (uint)events, Key(token));

    /// <summary>
    /// Stops watching; call it before closing the descriptor. Events already collected for it are not delivered.
    /// </summary>
    public void Unwatch(int token)
    {
        ref WatchSlot entry = ref _slots[token];
        Epoll.Control(_epoll, Epoll.CtlDel, entry.Fd, 0, 0);
        entry.Watcher = null;
        entry.Generation++; // an event already taken from the kernel for the old owner must not reach the next one
        _freeSlots.Add(token);
    }

    /// <summary>
    /// Calls <paramref name="flush"/> once at the end of this turn. The caller keeps its own mark so that it asks once
    /// a turn.
    /// </summary>
    public void FlushAtEndOfTurn(ILoopFlush flush) => _flushes.Add(flush);

    /// <summary>Lets the next turn start at once: more waits than one turn takes.</summary>
    public void HurryNextTurn() => _isHurried = true;

    /// <summary>Frees the kernel objects. Only after <see cref="Run"/> has returned.</summary>
    public void Dispose()
    {
        Epoll.Close(_wakeFd);
        Epoll.Close(_epoll);
    }

    /// <summary>One turn; public so that a caller without a thread to spare may drive the loop itself.</summary>
    public void RunTurn()
    {
        KeepSpacing();
        fixed (Epoll.Event* ready = _ready)
        {
            int count = Epoll.Wait(_epoll, ready, EventsPerWait, WaitTimeNs());
            NowNs = MonotonicClock.NowNs;
            Turns++;
            for (int i = 0; i < count; i++)
            {
                Serve(ready[i]);
            }
        }

        RunMailbox();
        FireTimers();
        Flush();
    }

    private void KeepSpacing()
    {
        long pauseNs = TurnSpacingNs == 0 || _isHurried ? 0 : NowNs + TurnSpacingNs - MonotonicClock.NowNs;
        _isHurried = false;
        if (pauseNs > 0 && !_stopping)
        {
            Epoll.Pause(pauseNs);
        }
    }

    private long WaitTimeNs()
    {
        if (!_mailbox.IsEmpty || _flushes.Count > 0)
        {
            return 0;
        }

        long due = Timers.NextDueNs;
        return due == long.MaxValue ? -1 : Math.Max(0, due - MonotonicClock.NowNs);
    }

    private void Serve(in Epoll.Event ready)
    {
        if (ready.Data == 0)
        {
            Epoll.ClearWake(_wakeFd);
            Volatile.Write(ref _wakeSent, 0);
            return;
        }

        int slot = (int)(uint)ready.Data;
        ref WatchSlot entry = ref _slots[slot];
        if (entry.Watcher is not { } watcher || entry.Generation != (uint)(ready.Data >> 32))
        {
            return;
        }

        try
        {
            watcher.OnReady((LoopEvents)ready.Events);
        }
        catch (Exception e)
        {
            _onFault(e);
        }
    }

    private void RunMailbox()
    {
        // Only what was there at the start: work that posts more work must not starve the sockets.
        for (int left = _mailbox.Count; left > 0 && _mailbox.TryDequeue(out Action? work); left--)
        {
            try
            {
                work();
            }
            catch (Exception e)
            {
                _onFault(e);
            }
        }
    }

    private void FireTimers()
    {
        if (Timers.NextDueNs > NowNs)
        {
            return;
        }

        try
        {
            Timers.FireDue(NowNs);
        }
        catch (Exception e)
        {
            _onFault(e);
        }
    }

    /// <summary>
    /// What one flush asks for is flushed in the same turn: bytes pass from a lane to the link to the socket without a
    /// look at the kernel in between. Only so often, because some ask again so that others have their turn.
    /// </summary>
    private void Flush()
    {
        for (int round = 0; round < FlushRounds && _flushes.Count > 0; round++)
        {
            (_flushes, _flushing) = (_flushing, _flushes);
            foreach (ILoopFlush flush in _flushing)
            {
                try
                {
                    flush.OnEndOfTurn();
                }
                catch (Exception e)
                {
                    _onFault(e);
                }
            }

            _flushing.Clear();
        }
    }

    private ulong Key(int slot) => ((ulong)_slots[slot].Generation << 32) | (uint)slot;

    private struct WatchSlot
    {
        public ILoopWatcher? Watcher;
        public int Fd;
        public uint Generation;
    }
}
