using System.Runtime.CompilerServices;
using NexusD.Buffers;
using NexusD.Transport.Native;

namespace NexusD.Transport;

/// <content>Appending and sending.</content>
public sealed unsafe partial class StreamConnection
{
    /// <summary>Longest reservation in bytes.</summary>
    public const int MaxReserveBytes = OutgoingBytes.MaxReserveBytes;

    private const int VectorsPerWrite = 64;
    private const int RefillsPerTurn = 8;

    /// <summary>
    /// Room for 1 to <see cref="MaxReserveBytes"/> bytes to write in place; <see cref="Commit"/> appends them.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Span<byte> Reserve(int bytes) => new(_outgoing.Reserve(bytes), bytes);

    /// <summary>
    /// Appends the first <paramref name="bytes"/> of the last reservation; sent at the end of the turn.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Commit(int bytes)
    {
        _outgoing.Commit(bytes);
        RequestFlush();
    }

    /// <summary>
    /// Appends bytes; sent at the end of the turn. They are copied, or only borrowed when they lie in what is being
    /// received at the moment, so that they go from socket to socket without a copy.
    /// </summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        fixed (byte* start = bytes)
        {
            if (bytes.Length >= StreamTransport.LoanBytesMin && _transport.IsLent(start))
            {
                Borrow(start, bytes.Length);
            }
            else
            {
                _outgoing.AppendCopy(start, bytes.Length);
            }
        }

        RequestFlush();
    }

    /// <summary>Appends bytes of a slab by reference; the slab is retained until they are sent.</summary>
    public void AppendShared(Slab slab, int offset, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, slab.Capacity - offset);
        if (length > 0)
        {
            _outgoing.AppendShared(slab, offset, length);
            RequestFlush();
        }
    }

    /// <summary>
    /// Asks for a flush at the end of the turn; <see cref="IStreamConsumer.OnDrained"/> follows once all is sent, also
    /// if nothing was pending.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void RequestFlush()
    {
        if (!Is(Flags.FlushRequested))
        {
            _flags |= Flags.FlushRequested;
            _transport.Loop.FlushAtEndOfTurn(this);
        }
    }

    /// <summary>Sends now what the kernel takes. Returns whether everything is sent.</summary>
    public bool Flush()
    {
        if (Is(Flags.WriteBlocked) && !Is(Flags.OutputBroken))
        {
            return false;
        }

        while (_outgoing.PendingBytes > 0)
        {
            if (Is(Flags.OutputBroken) || _fd < 0)
            {
                _outgoing.Clear();
                break;
            }

            nint sent = Write(out long attempted);
            if (sent >= 0)
            {
                SentBytes += sent;
                _outgoing.Advance(sent);
                if (sent == attempted)
                {
                    continue;
                }
            }
            else if (Libc.LastError == Errno.Interrupted)
            {
                continue;
            }
            else if (Libc.LastError != Errno.Again)
            {
                BreakOutput();
                break;
            }

            // A short write says as much as EAGAIN: the socket is full.
            _flags |= Flags.WriteBlocked;
            UpdateWatch();
            return false;
        }

        return true;
    }

    internal void FlushAndSettle()
    {
        if (Is(Flags.Borrowing))
        {
            _flags &= ~Flags.Borrowing;
            Flush();
            _outgoing.Settle();
        }
    }

    private void Borrow(byte* start, int length)
    {
        if (!Is(Flags.Borrowing))
        {
            _flags |= Flags.Borrowing;
            _transport.AddBorrower(this);
        }

        _outgoing.AppendOnLoan(start, length);
    }

    private nint Write(out long attempted)
    {
        Libc.IoVector* vectors = stackalloc Libc.IoVector[VectorsPerWrite];
        int count = _outgoing.Fill(vectors, VectorsPerWrite, out attempted);
        if (count == 1)
        {
            return Libc.send(_fd, vectors[0].Base, vectors[0].Length, Libc.NoSignal);
        }

        var message = new Libc.MessageHeader { Vectors = vectors, VectorCount = (nuint)count };
        return Libc.sendmsg(_fd, &message, Libc.NoSignal);
    }

    /// <summary>Sends and lets the consumer refill until the socket is full or nothing is left.</summary>
    private void Pump()
    {
        bool more = true;
        for (int refills = 0; more && Flush() && !Is(Flags.Closing); refills++)
        {
            more = _consumer!.OnDrained();
            if (more && refills == RefillsPerTurn)
            {
                RequestFlush(); // the other connections' turn
                break;
            }
        }

        if (Is(Flags.Borrowing))
        {
            _flags &= ~Flags.Borrowing;
            _outgoing.Settle();
        }

        if (Is(Flags.Closing) && !Is(Flags.Lingering) && _outgoing.PendingBytes == 0)
        {
            BeginLinger();
        }
    }

    private void BeginLinger()
    {
        if (_fd < 0)
        {
            return;
        }

        if (Is(Flags.InputEnded) || Is(Flags.OutputBroken))
        {
            Close(Is(Flags.InputEnded) ? StreamCloseReason.EndOfStream : StreamCloseReason.Local);
            return;
        }

        _ = Libc.shutdown(_fd, Libc.ShutdownWrite);
        _flags |= Flags.Lingering;
        UpdateWatch();
    }

    /// <summary>The peer took nothing for the time-out; if all was sent, it just did not say goodbye.</summary>
    internal void CloseStuck() => Close(Is(Flags.Lingering) ? StreamCloseReason.Local : StreamCloseReason.Stuck);

    /// <summary>Nobody reads at the other end: what is pending goes nowhere, what arrives is still received.</summary>
    private void BreakOutput()
    {
        if (!Is(Flags.OutputBroken))
        {
            _flags |= Flags.OutputBroken;
            _flags &= ~Flags.WriteBlocked;
            _outgoing.Clear();
            UpdateWatch();
            RequestFlush();
        }
    }
}
