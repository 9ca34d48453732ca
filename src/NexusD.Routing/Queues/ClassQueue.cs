using System.Buffers;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using NexusD.Buffers;

namespace NexusD.Routing.Queues;

/// <summary>The runs of one priority class that wait for a subscriber, in the order in which they came.</summary>
/// <remarks>
/// Each class has memory of its own: runs that share a slab leave about when their neighbours do, so that a few that
/// wait long do not hold the memory of many that are gone. Invariant: <see cref="Events"/> and <see cref="Bytes"/> are
/// the sums over the runs. Counts no drops; that is its owner's task.
/// </remarks>
internal sealed class ClassQueue(SlabPool pool)
{
    // Longer rings grow more slowly: half of one is unused at most.
    private const int FastGrowth = 1024;

    // Shorter ones are not worth giving back.
    private const int LongRing = 64;

    private QueuedRun[] _runs = [];
    private RunMemory _memory = new(pool);
    private int _head;

    public int Runs { get; private set; }

    public int Events { get; private set; }

    public long Bytes { get; private set; }

    public bool IsEmpty => Runs == 0;

    /// <summary>Position of the oldest run; grows by one with each that leaves at the head.</summary>
    public long HeadPosition { get; private set; }

    /// <summary>The oldest run.</summary>
    public ref QueuedRun Head => ref _runs[_head];

    /// <summary>The run at a position that is still in the queue.</summary>
    public ref QueuedRun At(long position) => ref _runs[(_head + (int)(position - HeadPosition)) % _runs.Length];

    /// <summary>Copies a run to the end, or keeps its bytes by reference; returns its position.</summary>
    public long Append(in EventRun run)
    {
        EnsureRoomForOne();
        ref QueuedRun tail = ref _runs[(_head + Runs) % _runs.Length];
        tail.TakeHeader(run);
        if (!run.Properties.IsEmpty)
        {
            tail.PropertySlab = _memory.Copy(run.Properties, Bytes, out tail.PropertyOffset);
        }

        if (run.Shared is { } shared && run.Body.Length >= shared.Capacity / 2)
        {
            shared.Retain();
            tail.BodySlab = shared;
            tail.BodyOffset = run.SharedOffset;
        }
        else
        {
            tail.BodySlab = _memory.Copy(run.Body, Bytes, out tail.BodyOffset);
        }

        return Appended(tail);
    }

    /// <summary>As <see cref="Append"/>, but into memory that <see cref="Replace"/> can use again.</summary>
    public long AppendOwned(in EventRun run)
    {
        EnsureRoomForOne();
        ref QueuedRun tail = ref _runs[(_head + Runs) % _runs.Length];
        tail.TakeOwned(run);
        CountOwned(tail.Own!.Length);
        return Appended(tail);
    }

    /// <summary>Takes the oldest run of another queue over, with its memory.</summary>
    public ref QueuedRun AppendHeadOf(ClassQueue other)
    {
        EnsureRoomForOne();
        ref QueuedRun tail = ref _runs[(_head + Runs) % _runs.Length];
        tail = other.Head;
        Appended(tail);
        other.GiveHeadAway();
        return ref tail;
    }

    /// <summary>Puts a run in the place of one that was appended by <see cref="AppendOwned"/>.</summary>
    public void Replace(long position, in EventRun run)
    {
        ref QueuedRun place = ref At(position);
        Events += run.Count - place.Count;
        Bytes -= place.CostBytes;
        int former = place.Own!.Length;
        place.TakeOwned(run);
        CountOwned(place.Own.Length - former);
        Bytes += place.CostBytes;
    }

    /// <summary>Takes the first event of the oldest run away; it has more than one.</summary>
    public void RemoveFirstEvent()
    {
        ref QueuedRun head = ref Head;
        int eventBytes = head.FirstEventBytes();
        head.SkipFirst(eventBytes);
        Events--;
        Bytes -= eventBytes;
    }

    /// <summary>Takes the last events of a run away, but not all of them.</summary>
    public void RemoveLastEvents(long position, int events)
    {
        ref QueuedRun run = ref At(position);
        int bytes = run.CutLast(events);
        Events -= events;
        Bytes -= bytes;
    }

    public void RemoveHead()
    {
        Forget(ref Head);
        AdvanceHead();
    }

    private void GiveHeadAway()
    {
        ref QueuedRun head = ref Head;
        Events -= head.Count;
        Bytes -= head.CostBytes;
        head = default;
        AdvanceHead();
    }

    private void AdvanceHead()
    {
        _head = _head + 1 == _runs.Length ? 0 : _head + 1;
        HeadPosition++;
        AfterRemoval();
    }

    /// <summary>Takes a run out of the line; those behind it move up. For runs near the end.</summary>
    public void RemoveAt(long position)
    {
        Forget(ref At(position));
        long last = HeadPosition + Runs - 1;
        for (long p = position; p < last; p++)
        {
            At(p) = At(p + 1);
        }

        At(last) = default;
        AfterRemoval();
    }

    /// <summary>Gives the bytes of a run up; it stays in the line with its numbers.</summary>
    public void Empty(long position)
    {
        ref QueuedRun run = ref At(position);
        Bytes -= run.PropertyBytes + run.BodyBytes;
        CountOwned(-(run.Own?.Length ?? 0));
        run.Empty();
    }

    /// <summary>Gives back places that many runs have left.</summary>
    public void Shrink()
    {
        if (Runs > 0 && _runs.Length > LongRing && Runs < _runs.Length / 4)
        {
            MoveTo(ArrayPool<QueuedRun>.Shared.Rent(Runs * 2));
        }
    }

    /// <summary>Adds what each run holds.</summary>
    public void AddTo(TopicTally tally)
    {
        for (int i = 0; i < Runs; i++)
        {
            ref QueuedRun run = ref At(HeadPosition + i);
            tally.Add(run.Topic, run.CostBytes);
        }
    }

    [Conditional("DEBUG")]
    public void AssertInvariants()
    {
        long bytes = 0;
        int events = 0;
        for (int i = 0; i < Runs; i++)
        {
            ref QueuedRun run = ref At(HeadPosition + i);
            bytes += run.CostBytes;
            events += run.Count;
            Debug.Assert(run.Count > 0, "an empty run was kept");
            Debug.Assert(run.BodyBytes >= Protocol.EventRunBody.SizeFieldBytes * run.Count, "a run lost bytes");
        }

        Debug.Assert(bytes == Bytes && events == Events, "the queue lost count");
    }

    private long Appended(in QueuedRun tail)
    {
        Events += tail.Count;
        Bytes += tail.CostBytes;
        return HeadPosition + Runs++;
    }

    private void Forget(ref QueuedRun run)
    {
        Events -= run.Count;
        Bytes -= run.CostBytes;
        if (run.Own is { } own)
        {
            CountOwned(-own.Length);
        }

        run.Release();
        run = default;
    }

    private void AfterRemoval()
    {
        if (--Runs == 0)
        {
            // Most queues are empty most of the time and should cost next to nothing then.
            _head = 0;
            _memory.Reset();
            ReturnRing();
        }
    }

    private void EnsureRoomForOne()
    {
        if (Runs < _runs.Length)
        {
            return;
        }

        QueuedRun[] larger = _runs.Length == 0
            ? SmallRings.Rent()
            : ArrayPool<QueuedRun>.Shared.Rent(_runs.Length * (_runs.Length < FastGrowth ? 4 : 2));
        MoveTo(larger);
    }

    private void MoveTo(QueuedRun[] ring)
    {
        int untilEnd = Math.Min(Runs, _runs.Length - _head);
        Array.Copy(_runs, _head, ring, 0, untilEnd);
        Array.Copy(_runs, 0, ring, untilEnd, Runs - untilEnd);
        ReturnRing();
        _runs = ring;
        CountOwned((long)ring.Length * Unsafe.SizeOf<QueuedRun>());
        _head = 0;
    }

    private void CountOwned(long bytes) => pool.Budget.CountArray(MemoryKind.Queues, bytes);

    private void ReturnRing()
    {
        CountOwned((long)-_runs.Length * Unsafe.SizeOf<QueuedRun>());
        if (_runs.Length == SmallRings.Length)
        {
            Array.Clear(_runs);
            SmallRings.Return(_runs);
        }
        else if (_runs.Length > 0)
        {
            ArrayPool<QueuedRun>.Shared.Return(_runs, clearArray: true);
        }

        _runs = [];
    }
}
