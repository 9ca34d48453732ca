using System.Net;
using System.Runtime.CompilerServices;
using NexusD.Loops;
using NexusD.Transport.Native;

namespace NexusD.Transport;

/// <summary>
/// A connected stream socket on the loop: bytes in to an <see cref="IStreamConsumer"/>, appended bytes out at the end
/// of the turn. Used on the loop's thread only.
/// </summary>
/// <remarks>
/// Life: accepted -> <see cref="Start"/> -> open -> (<see cref="CloseAfterFlush"/> -> closing -> lingering) -> closed.
/// Every life ends with one <see cref="IStreamConsumer.OnClosed"/>. Lingering means that all was sent and the peer is
/// given time to read it: closing at once with unread input would make the kernel throw away what is on the way.
/// </remarks>
public sealed unsafe partial class StreamConnection : ILoopWatcher, ILoopFlush
{
    private readonly StreamTransport _transport;
    private readonly OutgoingBytes _outgoing;
    private IStreamConsumer? _consumer;
    private int _fd;
    private int _watch;
    private LoopEvents _watching;
    private Flags _flags;

    internal StreamConnection(StreamTransport transport, int fd, bool isUnix)
    {
        _transport = transport;
        _outgoing = new OutgoingBytes(transport.Pool);
        _fd = fd;
        IsUnix = isUnix;
    }

    [Flags]
    private enum Flags : ushort
    {
        None = 0,
        ReadingPaused = 1,
        InputEnded = 2,
        OutputBroken = 4,
        WriteBlocked = 8,
        FlushRequested = 16,
        Borrowing = 32,
        Closing = 64,
        Lingering = 128,
        KeptWaiting = 256,
        AwaitingMemory = 512,
    }

    /// <summary>Whether it is a Unix socket, else TCP.</summary>
    public bool IsUnix { get; }

    /// <summary>Bytes received so far.</summary>
    public long ReceivedBytes { get; private set; }

    /// <summary>Bytes handed to the kernel so far.</summary>
    public long SentBytes { get; private set; }

    /// <summary>Bytes appended and not yet handed to the kernel.</summary>
    public long PendingBytes => _outgoing.PendingBytes;

    /// <summary>Where the transport notes that it watches this connection's end.</summary>
    internal LinkedListNode<(StreamConnection Connection, long DueNs, long SentBytes)>? ClosingPlace { get; set; }

    /// <summary>Whether the connection is gone.</summary>
    public bool IsClosed => _fd < 0;

    /// <summary>Whether the kernel takes no more for the moment; a flush would be in vain.</summary>
    public bool IsWriteBlocked => Is(Flags.WriteBlocked);

    /// <summary>Whether nobody reads at the other end any more.</summary>
    public bool IsOutputBroken => Is(Flags.OutputBroken);

    /// <summary>Whether nothing is received because there is no memory for the long frame that comes next.</summary>
    public bool IsAwaitingMemory => Is(Flags.AwaitingMemory);

    /// <summary>Whether <see cref="PauseReading"/> is in force.</summary>
    public bool IsReadingPaused => Is(Flags.ReadingPaused);

    /// <summary>The process at the other end of a Unix socket; null for TCP.</summary>
    public PeerCredentials? GetPeerCredentials()
    {
        int* values = stackalloc int[3];
        uint length = 3 * sizeof(int);
        bool known = IsUnix && _fd >= 0
            && Libc.getsockopt(_fd, Libc.LevelSocket, Libc.OptionPeerCredentials, values, &length) == 0;
        return known ? new PeerCredentials(values[0], (uint)values[1], (uint)values[2]) : null;
    }

    /// <summary>The address at the other end of a TCP connection; null for a Unix socket.</summary>
    public IPEndPoint? GetRemoteEndPoint()
    {
        NativeAddress address = default;
        uint length = NativeAddress.Capacity;
        bool known = !IsUnix && _fd >= 0 && Libc.getpeername(_fd, address.Bytes, &length) == 0;
        return known ? address.ToIPEndPoint() : null;
    }

    /// <summary>Begins to receive for <paramref name="consumer"/>.</summary>
    /// <exception cref="System.ComponentModel.Win32Exception">The kernel watches no more descriptors.</exception>
    public void Start(IStreamConsumer consumer)
    {
        _watching = LoopEvents.Readable;
        _watch = _transport.Loop.Watch(_fd, _watching, this);
        _consumer = consumer;
    }

    /// <summary>Closes a connection that could not be started.</summary>
    internal void Abandon()
    {
        _ = Libc.close(_fd);
        _fd = -1;
    }

    /// <summary>Stops receiving; bytes wait in the kernel and make the peer wait.</summary>
    public void PauseReading()
    {
        _flags |= Flags.ReadingPaused;
        UpdateWatch();
    }

    /// <summary>Receives again; unused bytes are shown again at the end of a turn.</summary>
    public void ResumeReading()
    {
        if (!Is(Flags.ReadingPaused))
        {
            return;
        }

        _flags &= ~Flags.ReadingPaused;
        if (_keptBytes > 0 && !Is(Flags.AwaitingMemory))
        {
            _flags |= Flags.KeptWaiting;
            RequestFlush();
        }

        UpdateWatch();
    }

    /// <summary>Takes no more input, sends what was appended, lets the peer read it, closes.</summary>
    public void CloseAfterFlush()
    {
        if (_fd < 0 || Is(Flags.Closing))
        {
            return;
        }

        _flags |= Flags.Closing;
        DropKept();
        UpdateWatch();
        RequestFlush();
        _transport.ExpectProgress(this);
    }

    /// <summary>
    /// From now on the peer has to go on taking bytes: one that takes none for 5 s is cut off. For a consumer that
    /// still appends what is due before it closes.
    /// </summary>
    public void ExpectProgress() => _transport.ExpectProgress(this);

    /// <summary>Closes at once; what was not sent is lost.</summary>
    public void Close(StreamCloseReason reason = StreamCloseReason.Local)
    {
        if (_fd < 0)
        {
            return;
        }

        if (_consumer is not null)
        {
            _transport.Loop.Unwatch(_watch);
        }

        _ = Libc.close(_fd);
        _fd = -1;
        _transport.ForgetClosing(this);
        DropKept();
        _outgoing.Clear();
        _consumer?.OnClosed(reason);
    }

    void ILoopWatcher.OnReady(LoopEvents events)
    {
        if ((events & LoopEvents.Writable) != 0)
        {
            _flags &= ~Flags.WriteBlocked;
            UpdateWatch();
            RequestFlush();
        }

        if ((events & (LoopEvents.Error | LoopEvents.HangUp)) != 0)
        {
            OnHangUp();
        }
        else if ((events & LoopEvents.Readable) != 0)
        {
            OnReadable();
        }
    }

    void ILoopFlush.OnEndOfTurn()
    {
        _flags &= ~Flags.FlushRequested;
        if (_fd < 0)
        {
            _outgoing.Clear();
            return;
        }

        if (Is(Flags.KeptWaiting))
        {
            ShowKept();
        }

        Pump();
    }

    // The peer reads no more, but what it sent before is still to be received.
    private void OnHangUp()
    {
        bool isHeld = Is(Flags.ReadingPaused) || Is(Flags.AwaitingMemory);
        if (isHeld && Is(Flags.OutputBroken) && !Is(Flags.FlushRequested))
        {
            Close(StreamCloseReason.Reset); // the consumer had its chance to go on reading
            return;
        }

        BreakOutput();
        if (!isHeld)
        {
            OnReadable();
        }
    }

    private void UpdateWatch()
    {
        if (_fd < 0 || _consumer is null)
        {
            return;
        }

        const Flags held = Flags.ReadingPaused | Flags.KeptWaiting | Flags.AwaitingMemory;
        bool reads = Is(Flags.Closing) ? Is(Flags.Lingering) : (_flags & held) == 0;
        LoopEvents wanted = reads && !Is(Flags.InputEnded) ? LoopEvents.Readable : LoopEvents.None;
        if (Is(Flags.WriteBlocked))
        {
            wanted |= LoopEvents.Writable;
        }

        if (wanted != _watching)
        {
            _watching = wanted;
            _transport.Loop.Rewatch(_watch, wanted);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool Is(Flags flag) => (_flags & flag) != 0;
}
