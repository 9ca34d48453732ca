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

    private const int ReadRoomMin = 64 * 1024;

    private readonly Slab _buffer;
    private readonly List<StreamConnection> _borrowers = [];

    // In the order in which they are looked at. A connection that is closed leaves at once, so that a flood of short
    // ones holds no memory.
    private readonly LinkedList<(StreamConnection Connection, long DueNs, long SentBytes)> _closing = new();
    private readonly LoopTimer _closingTimer;
    private readonly LoopTimer _memoryTimer;
    private readonly Queue<StreamConnection> _awaitingMemory = [];
    private int _used;
    private long _turn = -1;
    private byte* _lentStart;
    private byte* _lentEnd;

    public StreamTransport(EventLoop loop, SlabPool pool)
    {
        Loop = loop;
        Pool = pool;
        _buffer = pool.Rent(ReceiveBufferBytes);
        _closingTimer = loop.CreateTimer(CheckClosing);
        _memoryTimer = loop.CreateTimer(RetryLongFrames);
    }

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
