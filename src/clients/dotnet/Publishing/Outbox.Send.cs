// tidy: allow blocking-call - the writer has a thread of its own and waits there for work.
using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace NexusdClient.Publishing;

/// <summary>Who sends when. All of it with the gate held, except the system call itself.</summary>
internal sealed partial class Outbox
{
    // One write of this size costs about as little per byte as any larger one.
    private const int WriteBytes = 64 * 1024;

    // Single sends in a millisecond up to which each event goes out by itself; beyond, the flusher collects them.
    private const int SendsPerMillisecond = 64;

    private const int FlushEveryMicroseconds = 250;

    // Collecting ends when for a while there were fewer calls than these.
    private const int QuietCallsPerMillisecond = 40;
    private const int QuietMilliseconds = 2;
    private const int RoundsAtOnce = 16;

    private static readonly long Millisecond = Stopwatch.Frequency / 1000;

    [ThreadStatic]
    private static SemaphoreSlim? _wakeOfThread;

    private readonly int _delayMicroseconds;
    private readonly Queue<SemaphoreSlim> _waitingThreads = new();
    private ByteQueue _control = new();
    private ByteQueue _controlSending = new();
    private Slice _slice;
    private bool _sendBusy;
    private bool _leaving;
    private bool _handedOver;
    private volatile bool _underLoad;
    private long _windowStart;
    private int _windowSends;
    private long _ownSends;
    private int _calls;
    private long _callsSince;

    /// <summary>Sends when a large write has come together, or when little is going on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void SendIfDue(bool mayWait)
    {
        _calls++;
        if (_sendBusy || _handedOver || _socket is null)
        {
            return;
        }

        if (IsWriteDue())
        {
            SendFromHere(mayWait && Environment.CurrentManagedThreadId != _readerThread);
        }
        else if (!_underLoad)
        {
            SendWhileQuiet();
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool IsWriteDue() => _sendChunk != _tail || _tail.Length - _tail.Sent >= WriteBytes;

    private void SendWhileQuiet()
    {
        if (_delayMicroseconds > 0)
        {
            _underLoad = true;
            _wake.Set();
            return;
        }

        var now = Stopwatch.GetTimestamp();
        if (now - _windowStart > Millisecond)
        {
            _windowStart = now;
            _windowSends = 0;
        }

        if (++_windowSends <= SendsPerMillisecond)
        {
            SendFromHere(mayWait: false);
            return;
        }

        _underLoad = true;
        _wake.Set();
    }

    /// <summary>
    /// Takes the role of the sender and sends what there is, with the gate given up meanwhile. What cannot be sent
    /// without waiting is left to the flusher unless <paramref name="mayWait"/>.
    /// </summary>
    private void SendFromHere(bool mayWait)
    {
        _sendBusy = true;
        _ownSends++;
        for (var round = 0; _socket is { } socket && TakeSlice(); round++)
        {
            if (round == RoundsAtOnce && Thread.CurrentThread != _flusher)
            {
                HandOver();
                break;
            }

            var bytes = _slice.Data.AsSpan(_slice.Offset.._slice.End);
            int sent;
            Gate.Exit();
            try
            {
                sent = !mayWait ? socket.TrySend(bytes) : socket.SendAll(bytes) ? bytes.Length : -1;
            }
            finally
            {
                Gate.Enter();
            }

            if (sent < 0)
            {
                // The reading thread sees the end of the stream and does what follows.
                socket.Abort();
                _socket = null;
                break;
            }

            Advance(sent);
            Trim();
            TellWaiters();
            if (sent == 0)
            {
                HandOver();
                break;
            }
        }

        _sendBusy = false;
        TellWaiters();
    }

    /// <summary>What to send next: the rest of what was begun, then the session's frames, then events.</summary>
    private bool TakeSlice()
    {
        if (_slice.Offset < _slice.End)
        {
            return true;
        }

        if (_control.Length > 0)
        {
            (_control, _controlSending) = (_controlSending, _control);
            _slice = new Slice(_controlSending.Data, 0, _controlSending.Length, null);
            return true;
        }

        if (_leaving)
        {
            return false;
        }

        while (_sendChunk.Sent == _sendChunk.Length && _sendChunk.Next is { } next)
        {
            _sendChunk = next;
        }

        if (_sendChunk.Sent == _sendChunk.Length)
        {
            return false;
        }

        if (_sendChunk == _tail)
        {
            CloseRun();
        }

        _slice = new Slice(_sendChunk.Data, _sendChunk.Sent, _sendChunk.Length, _sendChunk);
        return true;
    }

    private void Advance(int sent)
    {
        _slice.Offset += sent;
        if (_slice.Chunk is not null)
        {
            _slice.Chunk.Sent += sent;
        }
        else if (_slice.Offset == _slice.End)
        {
            _controlSending.Clear();
        }
    }

    /// <summary>Gives back what is sent and needs no keeping.</summary>
    private void Trim()
    {
        var keepFrom = KeepFrom();
        while (_head != _tail && _head != _sendChunk && _head.End <= keepFrom)
        {
            var chunk = _head;
            _head = chunk.Next!;
            if (chunk.Data.Length == OutboxChunk.StandardBytes && _free.Count < ChunksKept)
            {
                _free.Push(chunk);
            }
        }

        if (_sendChunk != _tail && _sendChunk.Sent == _sendChunk.Length)
        {
            _sendChunk = _sendChunk.Next!;
            Trim();
            return;
        }

        // The usual case: everything is sent. Start over in the same memory, which is still in the cache.
        if (_head == _tail && keepFrom == _tail.End && _tail.Length > 0)
        {
            CloseRun();
            _tail.Restart(_tail.End, _nextNumber);
        }
    }

    /// <summary>Position in the log from which bytes must be kept.</summary>
    private long KeepFrom()
    {
        var sent = _sendChunk.Base + _sendChunk.Sent;
        return _acks.TryPeek(out var oldest) && oldest.Start < sent ? oldest.Start : sent;
    }

    private void TellWaiters()
    {
        ReleaseRoomWaiters();
        WakeThreads();
    }

    private void HandOver()
    {
        _handedOver = true;
        _wake.Set();
    }

    /// <summary>Gives the gate up until something has changed: bytes were sent, or the connection went.</summary>
    private void WaitForChange()
    {
        var wake = _wakeOfThread ??= new SemaphoreSlim(0);
        _waitingThreads.Enqueue(wake);
        Gate.Exit();
        try
        {
            wake.Wait();
        }
        finally
        {
            Gate.Enter();
        }
    }

    private void WakeThreads()
    {
        while (_waitingThreads.TryDequeue(out var waiting))
        {
            waiting.Release();
        }
    }

    private void FlushLoop()
    {
        long seenSends = 0;
        while (true)
        {
            if (_underLoad)
            {
                ShortSleep.Microseconds(_delayMicroseconds > 0 ? _delayMicroseconds : FlushEveryMicroseconds);
            }
            else
            {
                _wake.WaitOne();
            }

            lock (Gate)
            {
                if (_closed)
                {
                    return;
                }

                // Publishers who fill whole writes send them themselves; what is left over is younger than this round.
                var handedOver = _handedOver;
                _handedOver = false;
                if (_sendBusy || (_ownSends != seenSends && !handedOver))
                {
                    seenSends = _ownSends;
                    continue;
                }

                if (_socket is not null && TakeSlice())
                {
                    SendFromHere(mayWait: true);
                    seenSends = _ownSends;
                }

                _underLoad = _underLoad && !IsQuietAgain();
            }
        }
    }

    /// <summary>Whether so little is published that each event can go out by itself again.</summary>
    private bool IsQuietAgain()
    {
        var now = Stopwatch.GetTimestamp();
        var elapsed = now - _callsSince;
        if (elapsed < QuietMilliseconds * Millisecond)
        {
            return false;
        }

        var isQuiet = _delayMicroseconds > 0 ? _calls == 0 : _calls * Millisecond < QuietCallsPerMillisecond * elapsed;
        _calls = 0;
        _callsSince = now;
        return isQuiet;
    }

    /// <summary>Bytes on their way into the socket; always sent to the end before anything else.</summary>
    private struct Slice(byte[] data, int offset, int end, OutboxChunk? chunk)
    {
        internal readonly byte[] Data = data;
        internal readonly int End = end;
        internal readonly OutboxChunk? Chunk = chunk;
        internal int Offset = offset;
    }
}
