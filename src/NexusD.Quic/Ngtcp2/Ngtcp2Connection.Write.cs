using NexusD.Quic.Native;

namespace NexusD.Quic.Ngtcp2;

/// <summary>
/// Packets out: deferred commands first, then stream data in turns until ngtcp2, the socket or fairness says stop.
/// </summary>
internal sealed unsafe partial class Ngtcp2Connection
{
    /// <summary>
    /// Bytes between two calls of ngtcp2_conn_update_pkt_tx_time: what pacing sees as one burst, and one GSO send.
    /// </summary>
    private const int BurstBytes = 64 * 1024;

    /// <summary>Bytes a connection may send in one flush before the loop looks at its sockets again.</summary>
    private const int FlushBytes = 512 * 1024;

    private const int MaxVectors = 16;

    private readonly List<StreamCommand> _commands = [];
    private Ngtcp2Stream? _firstScheduled;
    private Ngtcp2Stream? _lastScheduled;

    private readonly record struct StreamCommand(long Stream, ulong ErrorCode, bool StopReading);

    /// <summary>Called once at the end of a turn in which something happened to this connection.</summary>
    internal void Flush(long nowNs)
    {
        _marked = false;
        if (_phase >= Phase.Ending)
        {
            return;
        }

        RunCommands();
        if (_progress && _phase == Phase.Open)
        {
            _progress = false;
            TellProgress();
        }

        bool more = Pump(nowNs);
        if (_phase >= Phase.Ending)
        {
            return;
        }

        if (_closeRequested)
        {
            CloseAsAsked(nowNs);
            return;
        }

        if (more)
        {
            Mark();
        }

        ArmTimer();
    }

    private void TellProgress()
    {
        try
        {
            _handler!.OnSendProgress(this);
        }
        catch (Exception e)
        {
            Fail(Faulted(e));
        }
    }

    private void Defer(StreamCommand command)
    {
        _commands.Add(command);
        Mark();
    }

    private void RunCommands()
    {
        if (_commands.Count == 0)
        {
            return;
        }

        foreach (StreamCommand command in _commands)
        {
            int result = command.StopReading
                ? NgTcp2.ngtcp2_conn_shutdown_stream_read(_native, 0, command.Stream, command.ErrorCode)
                : NgTcp2.ngtcp2_conn_shutdown_stream_write(_native, 0, command.Stream, command.ErrorCode);
            if (result != 0)
            {
                Fail(result);
                break;
            }
        }

        _commands.Clear();
    }

    /// <summary>Writes packets into the endpoint's batch. True when there is more to write at once.</summary>
    private bool Pump(long nowNs)
    {
        PacketBatch batch = _endpoint.Batch;
        int budget = FlushBytes;
        while (budget > 0)
        {
            int burst = WriteBurst(batch, Math.Min(budget, BurstBytes), Clock(nowNs));
            if (burst < 0)
            {
                return false;
            }

            budget -= burst;
            if (burst < BurstBytes)
            {
                return batch.Blocked;
            }

            nowNs = Loops.MonotonicClock.NowNs;
        }

        return true;
    }

    /// <summary>
    /// Writes up to <paramref name="limit"/> bytes of packets. Returns how many; less than the limit when there is no
    /// more, negative when the connection failed.
    /// </summary>
    private int WriteBurst(PacketBatch batch, int limit, ulong now)
    {
        UdpAddress remote, local;
        NgPath path = MakePath(&remote, &local);
        NgVec* vectors = stackalloc NgVec[MaxVectors];
        NgPacketInfo info;
        int maxPacket = _endpoint.MaxPacketBytes;
        int written = 0;
        while (written < limit && batch.TryReserve(maxPacket))
        {
            nint length = WriteNext(&path, &info, batch.Next, maxPacket, vectors, now);
            if (length > 0)
            {
                batch.Commit((int)length, &remote, &local);
                written += (int)length;
            }
            else if (length == 0)
            {
                break;
            }
            else if (length != NgTcp2Error.WriteMore)
            {
                Fail((int)length);
                return -1;
            }
        }

        if (written > 0)
        {
            _bytesSent += written;
            NgTcp2.ngtcp2_conn_update_pkt_tx_time(_native, now);
        }

        // A full limit tells the caller that there may be more.
        return written >= limit ? BurstBytes : written;
    }

    /// <summary>
    /// One call into ngtcp2 for the stream whose turn it is. Returns the packet's length, 0 when nothing can be sent
    /// now,
    /// <see cref="NgTcp2Error.WriteMore"/> to be called again for the same packet or the next stream, else an error.
    /// </summary>
    private nint WriteNext(
        NgPath* path, NgPacketInfo* info, byte* dest, int maxPacket, NgVec* vectors, ulong now)
    {
        Ngtcp2Stream? stream = _firstScheduled;
        if (stream is null)
        {
            return NgTcp2.ngtcp2_conn_writev_stream_versioned(
                _native, path, 1, info, dest, (nuint)maxPacket, null, 0, -1, null, 0, now);
        }

        int count = stream.Queue.Gather(vectors, MaxVectors, maxPacket, out bool all);

        // Another stream may fill up the packet; then ngtcp2 must be called until the packet is complete, and
        // WriteBurst does.
        uint flags = stream.NextScheduled is not null ? NgTcp2.WriteStreamMore : 0;
        if (stream.FinishRequested && all)
        {
            flags |= NgTcp2.WriteStreamFin;
        }

        nint taken = -1;
        nint length = NgTcp2.ngtcp2_conn_writev_stream_versioned(
            _native, path, 1, info, dest, (nuint)maxPacket, &taken, flags, stream.Id, vectors, (nuint)count, now);
        if (taken >= 0)
        {
            stream.Queue.MarkSent(taken);
            stream.FinishSent |= (flags & NgTcp2.WriteStreamFin) != 0 && stream.Queue.Unsent == 0;
            TakeTurn(stream);
        }

        switch (length)
        {
            case NgTcp2Error.StreamDataBlocked:
                stream.Blocked = true;
                Unschedule(stream);
                return NgTcp2Error.WriteMore;
            case NgTcp2Error.StreamShutWrite:
            case NgTcp2Error.StreamNotFound:
                StoppedByPeer(stream);
                return NgTcp2Error.WriteMore;
            default:
                return length;
        }
    }

    /// <summary>
    /// ngtcp2 refused data because of STOP_SENDING. The code is known only when the stream closes; that follows soon
    /// for a unidirectional one, and may never for the other kind, so its user is told now.
    /// </summary>
    private void StoppedByPeer(Ngtcp2Stream stream)
    {
        CloseWriting(stream);
        if (!Ngtcp2Stream.IsUnidirectional(stream.Id))
        {
            TellStopped(stream, errorCode: 0);
        }
    }

    /// <summary>No more data on this stream; what ngtcp2 has seen is kept until it lets go.</summary>
    private void CloseWriting(Ngtcp2Stream stream)
    {
        stream.WriteClosed = true;
        _unacknowledged -= stream.Queue.DropUnsent();
        _progress = true;
        Unschedule(stream);
        Mark();
    }

    /// <summary>
    /// Puts a stream with something to send at the end of the line; a preferred one before all that are not.
    /// </summary>
    private void Schedule(Ngtcp2Stream stream)
    {
        if (stream.Scheduled || stream.Blocked || !stream.HasWork)
        {
            return;
        }

        stream.Scheduled = true;
        Ngtcp2Stream? before = stream.IsPreferred ? LastPreferred() : _lastScheduled;
        if (before is null)
        {
            stream.NextScheduled = _firstScheduled;
            _firstScheduled = stream;
        }
        else
        {
            stream.NextScheduled = before.NextScheduled;
            before.NextScheduled = stream;
        }

        if (stream.NextScheduled is null)
        {
            _lastScheduled = stream;
        }
    }

    private Ngtcp2Stream? LastPreferred()
    {
        Ngtcp2Stream? last = null;
        for (Ngtcp2Stream? at = _firstScheduled; at is { IsPreferred: true }; at = at.NextScheduled)
        {
            last = at;
        }

        return last;
    }

    /// <summary>The first stream in line had its packet: to the end of the line, or out of it.</summary>
    private void TakeTurn(Ngtcp2Stream stream)
    {
        if (stream.NextScheduled is null && stream.HasWork)
        {
            return;
        }

        Unschedule(stream);
        Schedule(stream);
    }

    private void Unschedule(Ngtcp2Stream stream)
    {
        if (!stream.Scheduled)
        {
            return;
        }

        Ngtcp2Stream? before = null;
        for (Ngtcp2Stream? at = _firstScheduled; at != stream; at = at!.NextScheduled)
        {
            before = at;
        }

        if (before is null)
        {
            _firstScheduled = stream.NextScheduled;
        }
        else
        {
            before.NextScheduled = stream.NextScheduled;
        }

        if (_lastScheduled == stream)
        {
            _lastScheduled = before;
        }

        stream.Scheduled = false;
        stream.NextScheduled = null;
    }

    private void ArmTimer()
    {
        ulong expiry = NgTcp2.ngtcp2_conn_get_expiry(_native);
        if (expiry >= long.MaxValue)
        {
            _timer.Cancel();
        }
        else
        {
            _timer.SetAt((long)expiry);
        }
    }
}
