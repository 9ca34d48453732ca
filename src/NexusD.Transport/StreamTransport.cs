using NexusD.Buffers;
using NexusD.Loops;

namespace NexusD.Transport;

/// <summary>
/// Byte pipes (Unix sockets and TCP) on one <see cref="EventLoop"/>: what all connections of the loop share. Knows no
/// frames. May see Buffers and Loops only. Owns the receive buffer, so a connection that waits owns no memory for
/// bytes.
/// </summary>
/// <remarks>
/// A connection's bytes may be passed on without copying to other connections' outgoing bytes for the rest of the turn:
/// they are <em>lent</em>. At the end of the turn, or when the buffer is used up, each borrower sends what it can and
/// copies the rest. Used on the loop's thread only.
/// </remarks>
public sealed unsafe class StreamTransport : IDisposable
{
    /// <summary>Most that one read takes from a socket.</summary>
    public const int ReceiveBufferBytes = 256 * 1024;

    /// <summary>Shorter bodies are copied: a piece of its own costs more.</summary>
    internal const int LoanBytesMin = 2048;

    /// <summary>A peer that takes nothing for so long while its connection is being closed is cut off.</summary>
    internal const long ClosingPatienceNs = 5_000_000_000;

    /// <summary>How often a connection that waits for memory looks again.</summary>
    internal const long MemoryRetryNs = 20_000_000;

    /// <summary>How often a frame under way is looked at within its time-out.</summary>
    internal const int LooksPerTimeout = 4;

    /// <summary>What has to come of a long frame within its time-out, in bytes, or the rest of it.</summary>
    public const int LeastProgressBytes = 64 * 1024;

    private const int ReadRoomMin = 64 * 1024;

    private readonly Slab _buffer;
    private readonly List<StreamConnection> _borrowers = [];

    // In the order in which they are looked at. A connection that is closed leaves at once, so that a flood of short
    // ones holds no memory.
    private readonly LinkedList<(StreamConnection Connection, long DueNs, long SentBytes)> _closing = new();
    private readonly LoopTimer _closingTimer;
    private readonly LoopTimer _memoryTimer;
    private readonly Queue<StreamConnection> _awaitingMemory = [];
    private readonly List<StreamConnection> _receiving = [];
    private readonly LoopTimer _progressTimer;
    private readonly long _lookEveryNs;
    private int _used;
    private long _turn = -1;
    private byte* _lentStart;
    private byte* _lentEnd;

    /// <param name="loop">The loop of all its connections.</param>
    /// <param name="pool">Where their memory comes from.</param>
    /// <param name="frameTimeout">
    /// Within this time so much as <see cref="LeastProgressBytes"/>, or the rest, has to come of a frame that is
    /// received into a slab of its own; null: 30 s. A connection that does not get so far is told to its consumer.
    /// </param>
    public StreamTransport(EventLoop loop, SlabPool pool, TimeSpan? frameTimeout = null)
    {
        Loop = loop;
        Pool = pool;
        _buffer = pool.Rent(ReceiveBufferBytes);
        _closingTimer = loop.CreateTimer(CheckClosing);
        _memoryTimer = loop.CreateTimer(RetryLongFrames);
        _progressTimer = loop.CreateTimer(LookAtProgress);
        _lookEveryNs = (long)((frameTimeout ?? DefaultFrameTimeout).TotalMilliseconds * 1e6) / LooksPerTimeout;
    }

    /// <summary>Time-out of a long frame where none is given.</summary>
    public static TimeSpan DefaultFrameTimeout => TimeSpan.FromSeconds(30);

    internal EventLoop Loop { get; }

    internal SlabPool Pool { get; }

    /// <summary>
    /// Whether a frame that needs a slab of its own may be received now; if not, the connection is asked to try again
    /// about every <see cref="MemoryRetryNs"/>. With none under way or kept there is always room for one.
    /// </summary>
    internal bool HasMemoryFor(StreamConnection connection, int frameBytes)
    {
        MemoryBudget budget = Pool.Budget;
        if (budget.SlabBytes(MemoryKind.Payloads) == 0 || budget.HasRoomFor(frameBytes))
        {
            return true;
        }

        if (_awaitingMemory.Count == 0)
        {
            _memoryTimer.SetAfter(TimeSpan.FromTicks(MemoryRetryNs / 100));
        }

        _awaitingMemory.Enqueue(connection);
        return false;
    }

    /// <summary>A connection receives a frame into a slab of its own.</summary>
    internal void BeginLongFrame(StreamConnection connection)
    {
        connection.ReceivingPlace = _receiving.Count;
        _receiving.Add(connection);
        if (!_progressTimer.IsSet)
        {
            _progressTimer.SetAt(Loop.NowNs + _lookEveryNs);
        }
    }

    /// <summary>The frame is there, or nobody waits for it any more.</summary>
    internal void EndLongFrame(StreamConnection connection)
    {
        StreamConnection last = _receiving[^1];
        _receiving[connection.ReceivingPlace] = last;
        last.ReceivingPlace = connection.ReceivingPlace;
        _receiving.RemoveAt(_receiving.Count - 1);
        connection.ReceivingPlace = -1;
    }

    // Looks, not one due time for each: a daemon that stood still itself counts that as one look only.
    private void LookAtProgress()
    {
        for (int i = _receiving.Count - 1; i >= 0; i--)
        {
            if (i < _receiving.Count)
            {
                _receiving[i].LookAtProgress();
            }
        }

        if (_receiving.Count > 0)
        {
            _progressTimer.SetAt(Loop.NowNs + _lookEveryNs);
        }
    }

    private void RetryLongFrames()
    {
        for (int count = _awaitingMemory.Count; count > 0; count--)
        {
            _awaitingMemory.Dequeue().RetryLongFrame();
        }
    }

    /// <summary>Frees the receive buffer; only after all connections are closed.</summary>
    public void Dispose()
    {
        _closingTimer.Cancel();
        _memoryTimer.Cancel();
        _progressTimer.Cancel();
        _buffer.Release();
    }

    /// <summary>Free part of the receive buffer, at least <paramref name="roomMin"/> bytes.</summary>
    internal byte* BeginReceive(int roomMin, out int room)
    {
        if (_turn != Loop.Turns)
        {
            _turn = Loop.Turns;
            _borrowers.Clear(); // each settled at the end of its turn
            _used = 0;
        }

        if (_buffer.Capacity - _used < roomMin + ReadRoomMin)
        {
            SettleBorrowers();
        }

        room = _buffer.Capacity - _used;
        return _buffer.Pointer + _used;
    }

    /// <summary>From here to <see cref="EndLending"/> these bytes may be taken on loan.</summary>
    internal void BeginLending(byte* start, int length)
    {
        _lentStart = start;
        _lentEnd = start + length;
    }

    /// <summary>Ends lending; bytes that somebody took stay untouched until the borrowers have settled.</summary>
    internal void EndLending()
    {
        if (_borrowers.Count > 0)
        {
            _used = (int)(_lentEnd - _buffer.Pointer);
        }

        _lentStart = null;
        _lentEnd = null;
    }

    internal bool IsLent(byte* start) => start >= _lentStart && start < _lentEnd;

    internal void AddBorrower(StreamConnection connection) => _borrowers.Add(connection);

    /// <summary>Watches that a closing connection's peer goes on taking bytes.</summary>
    internal void ExpectProgress(StreamConnection connection)
    {
        long dueNs = Loop.NowNs + ClosingPatienceNs;
        ForgetClosing(connection);
        connection.ClosingPlace = _closing.AddLast((connection, dueNs, connection.SentBytes));
        if (!_closingTimer.IsSet)
        {
            _closingTimer.SetAt(dueNs);
        }
    }

    /// <summary>A connection is closed.</summary>
    internal void ForgetClosing(StreamConnection connection)
    {
        if (connection.ClosingPlace is { List: not null } place)
        {
            _closing.Remove(place);
        }
    }

    private void SettleBorrowers()
    {
        foreach (StreamConnection borrower in _borrowers)
        {
            borrower.FlushAndSettle();
        }

        _borrowers.Clear();
        _used = 0;
    }

    private void CheckClosing()
    {
        while (_closing.First is { } first)
        {
            (StreamConnection connection, long dueNs, long sentBytes) = first.Value;
            if (dueNs > Loop.NowNs)
            {
                _closingTimer.SetAt(dueNs);
                return;
            }

            _closing.Remove(first);
            if (connection.SentBytes == sentBytes)
            {
                connection.CloseStuck();
            }
            else
            {
                ExpectProgress(connection);
            }
        }
    }
}
