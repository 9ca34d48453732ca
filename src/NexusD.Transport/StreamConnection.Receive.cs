using System.Diagnostics;
using System.Runtime.InteropServices;
using NexusD.Buffers;
using NexusD.Transport.Native;

namespace NexusD.Transport;

/// <content>
/// Receiving. Between two reads a connection keeps at most the start of one frame: in a block of its own size while the
/// frame is short or its length unknown, else in a slab that the rest of the frame is received into. While reading is
/// paused it may keep up to one read's worth of bytes.
/// </content>
public sealed unsafe partial class StreamConnection
{
    /// <summary>Frames up to this length are joined by copying their start in front of the next read.</summary>
    private const int ShortFrameBytes = 4096;

    /// <summary>A read of so much says that more waits.</summary>
    private const int BulkBytes = 64 * 1024;

    private byte* _kept;
    private int _keptBytes;
    private Slab? _frame;
    private int _frameBytes;
    private int _frameHave;
    private int _frameHadAtLook;
    private int _frameLooks;

    /// <summary>
    /// Bytes of memory that the start of an unfinished frame holds, or what came before reading was paused.
    /// </summary>
    public long UnfinishedBytes => _keptBytes + (_frame?.Capacity ?? 0);

    /// <summary>The part of it that lies in no slab.</summary>
    public long KeptBytes => _keptBytes;

    /// <summary>Its place among the connections that receive a long frame; below 0: it does not.</summary>
    internal int ReceivingPlace { get; set; } = -1;

    /// <summary>
    /// Looks whether enough of the long frame came; the consumer is told when it did not for all looks in a row.
    /// </summary>
    internal void LookAtProgress()
    {
        if (_frameHave - _frameHadAtLook >= StreamTransport.LeastProgressBytes || Is(Flags.ReadingPaused))
        {
            _frameHadAtLook = _frameHave;
            _frameLooks = 0;
        }
        else if (++_frameLooks > StreamTransport.LooksPerTimeout)
        {
            (int have, int whole) = (_frameHave, _frameBytes);
            DropFrame();
            _consumer!.OnStalled(have, whole);
        }
    }

    private void OnReadable()
    {
        if (_fd < 0 || Is(Flags.InputEnded))
        {
            EndAfterInput();
            return;
        }

        if (Is(Flags.Closing))
        {
            Discard();
            return;
        }

        if (Is(Flags.ReadingPaused) || Is(Flags.KeptWaiting) || Is(Flags.AwaitingMemory))
        {
            return; // paused after the kernel was asked
        }

        int inFront = _keptBytes;
        byte* start = _transport.BeginReceive(inFront, out int room);
        nint received = Read(start + inFront, room - inFront);
        if (received <= 0)
        {
            OnNothingReceived(received);
            return;
        }

        ReceivedBytes += received;
        if (received >= BulkBytes)
        {
            _transport.Loop.HurryNextTurn();
        }

        int left = FillFrame((int)received);
        if (left == 0 || !TakesInput)
        {
            return;
        }

        if (Is(Flags.ReadingPaused))
        {
            KeepMore(start + inFront, left);
        }
        else
        {
            ShowReceived(start, left);
        }
    }

    private bool TakesInput => _fd >= 0 && !Is(Flags.Closing);

    private nint Read(byte* start, int room)
    {
        // The end of a long frame goes into its slab, what follows it into the common buffer, in one call.
        Libc.IoVector* vectors = stackalloc Libc.IoVector[2];
        if (_frame is not null)
        {
            vectors[0].Base = _frame.Pointer + _frameHave;
            vectors[0].Length = (nuint)(_frameBytes - _frameHave);
        }

        vectors[1].Base = start;
        vectors[1].Length = (nuint)room;
        nint result;
        do
        {
            result = _frame is null
                ? Libc.recv(_fd, start, (nuint)room, 0)
                : Libc.readv(_fd, vectors, 2);
        }
        while (result < 0 && Libc.LastError == Errno.Interrupted);

        return result;
    }

    private void OnNothingReceived(nint received)
    {
        if (received < 0)
        {
            if (Libc.LastError != Errno.Again)
            {
                Close(StreamCloseReason.Reset);
            }

            return;
        }

        _flags |= Flags.InputEnded;
        UpdateWatch();
        int unused = _frame is null ? _keptBytes : _frameHave;
        DropKept();
        _consumer!.OnEndOfInput(unused);
        if (Is(Flags.OutputBroken))
        {
            EndAfterInput();
        }
    }

    // After the end of input a hang-up leaves nothing to wait for.
    private void EndAfterInput()
    {
        if (_fd >= 0 && Is(Flags.OutputBroken))
        {
            Close(StreamCloseReason.EndOfStream);
        }
    }

    /// <summary>
    /// Gives the first received bytes to the frame in the slab; returns how many lie behind it in the common buffer.
    /// </summary>
    private int FillFrame(int received)
    {
        if (_frame is null)
        {
            return received;
        }

        int part = Math.Min(received, _frameBytes - _frameHave);
        _frameHave += part;
        if (_frameHave == _frameBytes)
        {
            Slab frame = _frame;
            _frame = null;
            _transport.EndLongFrame(this);
            _transport.BeginLending(null, 0);
            // A standard slab is reused soon and mostly empty: only one made for this frame is worth keeping by
            // reference.
            Slab? exact = frame.Capacity > SlabPool.StandardBytes ? frame : null;
            int used = _consumer!.OnReceived(
                new ReceivedBytes(new ReadOnlySpan<byte>(frame.Pointer, _frameBytes), exact), out _);
            if (used < _frameBytes && TakesInput)
            {
                Debug.Assert(Is(Flags.ReadingPaused), "a complete frame is left only by a consumer that paused");
                Keep(frame.Pointer + used, _frameBytes - used, 0);
            }

            frame.Release();
        }

        return received - part;
    }

    private void ShowReceived(byte* start, int received)
    {
        if (_keptBytes > 0)
        {
            Buffer.MemoryCopy(_kept, start, _keptBytes, _keptBytes);
            received += _keptBytes;
            DropKept();
        }

        _transport.BeginLending(start, received);
        int used = Show(start, received, out int frameBytes);
        _transport.EndLending();
        if (used < received && TakesInput)
        {
            Keep(start + used, received - used, frameBytes);
        }
    }

    private int Show(byte* start, int length, out int frameBytes)
    {
        var received = new ReceivedBytes(new ReadOnlySpan<byte>(start, length), null);
        int used = _consumer!.OnReceived(received, out frameBytes);
        Debug.Assert(used >= 0 && used <= length, "a consumer uses what it was shown");
        return used;
    }

    /// <summary>Shows the bytes that were kept while reading was paused.</summary>
    private void ShowKept()
    {
        _flags &= ~Flags.KeptWaiting;
        if (Is(Flags.ReadingPaused) || _keptBytes == 0)
        {
            UpdateWatch();
            return;
        }

        byte* start = _kept;
        int length = _keptBytes;
        _kept = null;
        _keptBytes = 0;
        int used = Show(start, length, out int frameBytes);
        if (used < length && TakesInput)
        {
            Keep(start + used, length - used, frameBytes);
        }

        NativeMemory.Free(start);
        UpdateWatch();
    }

    private void Keep(byte* start, int length, int frameBytes)
    {
        bool isLong = frameBytes > ShortFrameBytes && length < frameBytes && !Is(Flags.ReadingPaused);
        if (isLong && frameBytes > SlabPool.StandardBytes && !_transport.HasMemoryFor(this, frameBytes))
        {
            _flags |= Flags.AwaitingMemory;
            UpdateWatch();
            isLong = false;
        }

        if (isLong)
        {
            _frame = _transport.Pool.Rent(frameBytes, MemoryKind.Payloads);
            _frameBytes = frameBytes;
            _frameHave = length;
            _frameHadAtLook = length;
            _frameLooks = 0;
            _transport.BeginLongFrame(this);
            Buffer.MemoryCopy(start, _frame.Pointer, _frame.Capacity, length);
            return;
        }

        _kept = (byte*)NativeMemory.Alloc((nuint)length);
        _keptBytes = length;
        NoteKept(length);
        Buffer.MemoryCopy(start, _kept, length, length);
    }

    /// <summary>There may be memory for the long frame now; what was kept of it is shown again.</summary>
    internal void RetryLongFrame()
    {
        _flags &= ~Flags.AwaitingMemory;
        if (_fd >= 0)
        {
            if (_keptBytes > 0 && !Is(Flags.ReadingPaused))
            {
                _flags |= Flags.KeptWaiting;
                RequestFlush();
            }

            UpdateWatch();
        }
    }

    private void KeepMore(byte* start, int length)
    {
        _kept = (byte*)NativeMemory.Realloc(_kept, (nuint)(_keptBytes + length));
        NoteKept(length);
        Buffer.MemoryCopy(start, _kept + _keptBytes, length, length);
        _keptBytes += length;
    }

    // The start of a short frame is replaced with each read; what is kept for longer makes the budget look.
    private void NoteKept(int bytes)
    {
        if (bytes > ShortFrameBytes)
        {
            _transport.Pool.Budget.NoteGrowth(bytes);
        }
    }

    private void DropKept()
    {
        if (_kept is not null)
        {
            NativeMemory.Free(_kept);
            _kept = null;
            _keptBytes = 0;
        }

        DropFrame();
    }

    private void DropFrame()
    {
        if (_frame is not null)
        {
            _frame.Release();
            _frame = null;
            _transport.EndLongFrame(this);
        }
    }

    /// <summary>Lingering: reads away what the peer still sends, until it is done or out of time.</summary>
    private void Discard()
    {
        if (!Is(Flags.Lingering) && !Is(Flags.OutputBroken))
        {
            return;
        }

        byte* start = _transport.BeginReceive(0, out int room);
        nint received = Read(start, room);
        if (received == 0 || (received < 0 && Libc.LastError != Errno.Again))
        {
            Close(StreamCloseReason.Local);
        }
    }
}
