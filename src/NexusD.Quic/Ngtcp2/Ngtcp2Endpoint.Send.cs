using NexusD.Loops;
using NexusD.Quic.Native;

namespace NexusD.Quic.Ngtcp2;

/// <summary>
/// The end of a turn: every connection to which something happened writes its packets; those that are over are freed.
/// </summary>
internal sealed unsafe partial class Ngtcp2Endpoint : ILoopFlush
{
    private readonly List<Ngtcp2Connection> _ending = [];
    private List<Ngtcp2Connection> _marked = [];
    private List<Ngtcp2Connection> _flushing = [];
    private bool _flushAsked;
    private bool _waitsForRoom;

    public void OnEndOfTurn()
    {
        _flushAsked = false;
        if (_disposed)
        {
            return;
        }

        long now = MonotonicClock.NowNs;
        if (Batch.Blocked)
        {
            // Packets wait for the socket already; connections keep their marks until there is room.
            ReleaseEnding(now);
            return;
        }

        (_marked, _flushing) = (_flushing, _marked);
        foreach (Ngtcp2Connection connection in _flushing)
        {
            bool dialing = connection.IsHandshaking && !connection.IsServer;
            connection.Flush(now);
            if (dialing)
            {
                SendFirstPackets(connection);
            }
        }

        _flushing.Clear();
        if (!Batch.Flush())
        {
            WaitForRoom();
        }

        ReleaseEnding(now);
    }

    internal void AddMarked(Ngtcp2Connection connection)
    {
        _marked.Add(connection);
        AskForFlush();
    }

    internal void AddEnding(Ngtcp2Connection connection)
    {
        _ending.Add(connection);
        AskForFlush();
    }

    /// <summary>Sends one packet now, after those already in the batch. Lost when the socket is full.</summary>
    internal void SendControl(byte* packet, int length, UdpAddress* remote, UdpAddress* local)
    {
        if (Batch.Flush())
        {
            Batch.SendAlone(packet, length, remote, local);
        }
        else
        {
            WaitForRoom();
        }
    }

    private void AskForFlush()
    {
        if (!_flushAsked && !_disposed)
        {
            _flushAsked = true;
            Loop.FlushAtEndOfTurn(this);
        }
    }

    /// <summary>A dialing connection's packets go alone, so that "no route" is known to be its own.</summary>
    private void SendFirstPackets(Ngtcp2Connection connection)
    {
        Batch.LastError = 0;
        if (!Batch.Flush())
        {
            WaitForRoom();
        }
        else if (Batch.LastError is UdpNative.NetworkUnreachable or UdpNative.HostUnreachable)
        {
            connection.FailUnreachable(Batch.LastError);
        }
    }

    private void ReleaseEnding(long now)
    {
        // Users may close further connections from OnClosed; those are appended and freed here as well.
        for (int i = 0; i < _ending.Count; i++)
        {
            _ending[i].Release(now);
        }

        _ending.Clear();
    }

    private void WaitForRoom()
    {
        if (!_waitsForRoom)
        {
            _waitsForRoom = true;
            Loop.Rewatch(_watch, LoopEvents.Readable | LoopEvents.Writable);
        }
    }

    private void ResumeSending()
    {
        if (Batch.Flush())
        {
            _waitsForRoom = false;
            Loop.Rewatch(_watch, LoopEvents.Readable);
            if (_marked.Count > 0)
            {
                AskForFlush();
            }
        }
    }
}
