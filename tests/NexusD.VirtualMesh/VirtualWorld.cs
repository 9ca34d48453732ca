using NexusD.Loops;

namespace NexusD.VirtualMesh;

/// <summary>
/// Virtual time and everything that is to happen in it, on one thread: the same seed gives the same run.
/// </summary>
internal sealed class VirtualWorld
{
    private readonly PriorityQueue<Action, (long DueNs, long Order)> _events = new();
    private readonly List<VirtualLoop> _loops = [];
    private long _order;

    public VirtualWorld(int seed = 1)
    {
        Random = new Random(seed);
        Network = new FakeNetwork(this);
    }

    public long NowNs { get; private set; } = 1_000_000_000;

    public Random Random { get; }

    public FakeNetwork Network { get; }

    public VirtualLoop CreateLoop()
    {
        var loop = new VirtualLoop(this);
        _loops.Add(loop);
        return loop;
    }

    public void After(long delayNs, Action what) => _events.Enqueue(what, (NowNs + delayNs, _order++));

    public void RunFor(double milliseconds)
    {
        long end = NowNs + (long)(milliseconds * 1e6);
        while (Step(end))
        {
        }

        NowNs = end;
    }

    /// <summary>Runs until the condition holds; fails when it does not within the given virtual time.</summary>
    public void RunUntil(Func<bool> condition, string what, double milliseconds = 30_000)
    {
        long end = NowNs + (long)(milliseconds * 1e6);
        while (!condition())
        {
            Assert.True(Step(end), $"after {milliseconds} ms of virtual time it is not so that {what}");
        }
    }

    /// <summary>Lets the loops do what was asked of them outside of any event.</summary>
    public void Settle()
    {
        bool busy = true;
        while (busy)
        {
            busy = false;
            foreach (VirtualLoop loop in _loops.ToArray())
            {
                busy |= loop.EndTurn();
            }
        }
    }

    private bool Step(long endNs)
    {
        Settle();
        VirtualLoop? next = null;
        foreach (VirtualLoop loop in _loops)
        {
            if (!loop.IsPaused && (next is null || loop.WakeNs < next.WakeNs))
            {
                next = loop;
            }
        }

        long wakeNs = next?.WakeNs ?? long.MaxValue;
        long eventNs = _events.TryPeek(out _, out (long DueNs, long) due) ? due.DueNs : long.MaxValue;
        if (Math.Min(wakeNs, eventNs) > endNs)
        {
            return false;
        }

        if (eventNs <= wakeNs)
        {
            NowNs = Math.Max(NowNs, eventNs);
            _events.Dequeue()();
        }
        else
        {
            NowNs = Math.Max(NowNs, wakeNs);
            next!.Wake();
        }

        Settle();
        return true;
    }
}

/// <summary>The loop of one node in virtual time.</summary>
internal sealed class VirtualLoop(VirtualWorld world) : IMeshLoop
{
    private readonly Queue<Action> _posted = new();
    private readonly List<ILoopFlush> _flushes = [];
    private Action? _wake;

    /// <summary>How far this node's wall clock is ahead of the world's, milliseconds.</summary>
    public long ClockSkewMs { get; set; }

    /// <summary>Stopped like a process by SIGSTOP: it does nothing, and time goes on.</summary>
    public bool IsPaused { get; set; }

    public long WakeNs { get; private set; } = long.MaxValue;

    public long NowNs => world.NowNs;

    public long UnixMs => 1_800_000_000_000 + (world.NowNs / 1_000_000) + ClockSkewMs;

    public void FlushAtEndOfTurn(ILoopFlush flush) => _flushes.Add(flush);

    public void Post(Action work)
    {
        lock (_posted)
        {
            _posted.Enqueue(work);
        }
    }

    public void OnWake(Action wake) => _wake = wake;

    public void WakeAt(long dueNs) => WakeNs = dueNs;

    public void Wake()
    {
        WakeNs = long.MaxValue;
        _wake!();
    }

    public bool EndTurn()
    {
        bool busy = false;
        if (IsPaused)
        {
            return busy;
        }

        while (TryTakePosted(out Action? work))
        {
            work!();
            busy = true;
        }

        ILoopFlush[] flushes = [.. _flushes];
        _flushes.Clear();
        foreach (ILoopFlush flush in flushes)
        {
            flush.OnEndOfTurn();
            busy = true;
        }

        return busy;
    }

    private bool TryTakePosted(out Action? work)
    {
        lock (_posted)
        {
            return _posted.TryDequeue(out work);
        }
    }
}
