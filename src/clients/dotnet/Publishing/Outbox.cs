using System.Diagnostics;
using NexusD.Protocol;
using NexusD.Protocol.Frames;
using NexusdClient.Connections;

namespace NexusdClient.Publishing;

/// <summary>
/// What goes to the daemon. Events are appended to a log of chunks; consecutive events of one topic become one run.
/// Whoever appends also sends: at once while little is going on, in large writes under load, where a flusher thread
/// takes care of the rest. Frames of the session itself (subscriptions, credit, queries) go through a queue of their
/// own, because they must not be sent again after a reconnect.
/// </summary>
/// <remarks>
/// The log is kept from the oldest publish that waits for an acknowledgement. After a reconnect it is sent again from
/// there, with the same event numbers, so the daemon drops what it had. Everything is guarded by <see cref="Gate"/>,
/// which is given up while bytes go into the socket; at most one thread sends at a time.
/// </remarks>
internal sealed partial class Outbox : IDisposable
{
    // Enough for what may wait while the daemon is there.
    private const int ChunksKept = UnsentWhileConnected / OutboxChunk.StandardBytes + 2;

    private readonly ClientOptions _options;
    private readonly Func<ConnectionException?> _lastError;
    private readonly Stack<OutboxChunk> _free = new();
    private readonly Dictionary<string, OutboundTopic> _topics = new(StringComparer.Ordinal);
    private readonly Queue<PendingAck> _acks = new();
    private readonly List<(ulong Number, TaskCompletionSource Waiter)> _flushes = [];
    private readonly AutoResetEvent _wake = new(false);

    private OutboxChunk _head;
    private OutboxChunk _tail;
    private OutboxChunk _sendChunk;
    private ulong _nextNumber = 1;
    private ulong _confirmedNumber = 1;
    private int _maxAliases = ProtocolLimits.DefaultMaxAliases;
    private long _maxPayload = ProtocolLimits.DefaultMaxPayloadBytes;
    private long _maxFrame = ProtocolLimits.DefaultMaxFrameBytes;
    private DaemonSocket? _socket;
    private Thread? _flusher;
    private int _readerThread;
    private bool _closed;
    private long _numberShift;
    private long _refused;
    private long _inDoubt;

    /// <param name="options">Buffer size and time-outs.</param>
    /// <param name="lastError">Why the daemon cannot be reached at the moment, for the texts of exceptions.</param>
    internal Outbox(ClientOptions options, Func<ConnectionException?> lastError)
    {
        _options = options;
        _lastError = lastError;
        _delayMicroseconds = (int)options.PublishDelay.TotalMicroseconds;
        _head = _tail = _sendChunk = new OutboxChunk(OutboxChunk.StandardBytes) { FirstNumber = _nextNumber };
    }

    /// <summary>Guards the outbox, and the lists of subscriptions and queries that are restored with it.</summary>
    internal Lock Gate { get; } = new();

    internal bool IsConnected => Volatile.Read(ref _socket) is not null;

    internal long PublishedEvents
    {
        get
        {
            lock (Gate)
            {
                return (long)_nextNumber - 1 - _numberShift;
            }
        }
    }

    internal (long Refused, long InDoubt, long BufferedBytes) GetStatistics()
    {
        lock (Gate)
        {
            return (_refused, _inDoubt, _tail.End - KeepFrom());
        }
    }

    /// <summary>
    /// Starts sending over a connection: declares every topic, restores the session, then the log from where it must be
    /// sent again.
    /// </summary>
    /// <param name="socket">Greeted and welcomed.</param>
    /// <param name="limits">What the daemon said it takes.</param>
    /// <param name="restore">Writes the frames of the session; called with the gate held.</param>
    /// <returns>
    /// False: events had to be taken out of the log because this daemon takes smaller ones, so the numbers are new;
    /// connect again with a new publisher id.
    /// </returns>
    internal bool Attach(DaemonSocket socket, in SessionLimits limits, Action<ByteQueue> restore)
    {
        lock (Gate)
        {
            _readerThread = Environment.CurrentManagedThreadId;
            _maxPayload = limits.MaxPayload;
            _maxFrame = limits.MaxFrame;
            _maxAliases = (int)Math.Min(limits.MaxAliases, ProtocolLimits.LargestMaxAliases);
            if (!FitLog())
            {
                return false;
            }

            RenumberFrom(limits.NextNumber);
            foreach (var topic in _topics.Values)
            {
                Declare(topic);
            }

            restore(_control);
            _socket = socket;
            if (_flushes.Count > 0)
            {
                AppendPing();
            }

            StartFlusher();
            SendFromHere(mayWait: false);
            return true;
        }
    }

    /// <summary>
    /// Stops sending: the connection is gone. Sets the log back to where it has to be sent again from.
    /// </summary>
    /// <param name="orderly">The daemon ended the stream without an error.</param>
    internal void Detach(bool orderly)
    {
        lock (Gate)
        {
            _socket?.Abort();
            while (_sendBusy)
            {
                WaitForChange();
            }

            // An end that answers our BYE says that everything before it was taken.
            var saidBye = _leaving && _control.Length == 0 && _slice.Offset == _slice.End;
            _socket = null;
            _leaving = false;
            _handedOver = false;
            _slice = default;
            _control.Clear();
            _controlSending.Clear();
            CloseRun();
            RewindLog(allTaken: orderly && saidBye);
            WakeThreads();
        }
    }

    /// <summary>Number of the first event that the next connection will carry: the one to put into HELLO.</summary>
    internal ulong FirstNumberToSend()
    {
        lock (Gate)
        {
            return _sendChunk.FirstNumber + (ulong)CountEvents(_sendChunk, 0, _sendChunk.Sent);
        }
    }

    /// <summary>
    /// Sends a frame of the session, unless there is no connection: then it is restored with the next one.
    /// </summary>
    /// <remarks>The caller holds the gate.</remarks>
    internal void SendControl(ReadOnlySpan<byte> frame)
    {
        Debug.Assert(Gate.IsHeldByCurrentThread, "The gate guards the outbox.");
        if (_socket is null || _leaving)
        {
            return;
        }

        frame.CopyTo(_control.Reserve(frame.Length));
        if (!_sendBusy && !_handedOver)
        {
            SendFromHere(mayWait: false);
        }
    }

    /// <summary>No more frames after those that were begun: the daemon is leaving, or this client is.</summary>
    internal void Leave()
    {
        lock (Gate)
        {
            if (_socket is null || _leaving)
            {
                return;
            }

            FrameHeader.Write(_control.Reserve(FrameHeader.Size), FrameHeader.Size, FrameKind.Bye);
            _leaving = true;
            if (!_sendBusy && !_handedOver)
            {
                SendFromHere(mayWait: false);
            }
        }
    }

    /// <summary>Ends everything: waiting callers get the error.</summary>
    internal void Close(Exception error)
    {
        List<PendingAck> acks;
        List<TaskCompletionSource> flushes;
        lock (Gate)
        {
            _closed = true;
            acks = [.. _acks];
            _acks.Clear();
            flushes = _flushes.ConvertAll(static f => f.Waiter);
            _flushes.Clear();
            ReleaseRoomWaiters();
            WakeThreads();
        }

        _wake.Set();
        acks.ForEach(ack => ack.Fail(error));
        flushes.ForEach(flush => flush.TrySetException(error));
    }

    public void Dispose()
    {
        _flusher?.Join();
        _wake.Dispose();
    }

    private void ThrowIfClosed()
    {
        if (_closed)
        {
            throw new ClosedException("The client was disposed: make a new one to publish or subscribe again.");
        }
    }

    private void Declare(OutboundTopic topic)
    {
        topic.Declared = topic.Alias != 0;
        if (topic.Declared)
        {
            var frame = new TopicFrame(topic.Alias, topic.Utf8);
            frame.Write(_control.Reserve(frame.FrameBytes));
        }
    }

    private void StartFlusher()
    {
        if (_flusher is null)
        {
            _flusher = new Thread(FlushLoop, 256 * 1024) { IsBackground = true, Name = "nexusd-flush" };
            _flusher.Start();
        }
    }
}
