using System.Runtime.CompilerServices;
using NexusD.Loops;
using NexusD.Quic.Native;

namespace NexusD.Quic.Ngtcp2;

/// <summary>Datagrams in: read in batches, split, and handed to the connection whose ID they carry.</summary>
internal sealed unsafe partial class Ngtcp2Endpoint : ILoopWatcher
{
    /// <summary>Bytes to read in one turn before other descriptors get theirs; the rest is reported again.</summary>
    private const int TurnBytes = 1024 * 1024;

    private const byte LongHeader = 0x80;

    public void OnReady(LoopEvents events)
    {
        if ((events & LoopEvents.Error) != 0)
        {
            ReadErrors();
        }

        if ((events & LoopEvents.Writable) != 0)
        {
            ResumeSending();
        }

        if ((events & LoopEvents.Readable) == 0)
        {
            return;
        }

        int budget = TurnBytes;
        int count;
        do
        {
            count = _receiver.Receive();
            long now = MonotonicClock.NowNs;
            for (int i = 0; i < count; i++)
            {
                byte* data = _receiver.Get(
                    i, out int length, out int segment, out UdpAddress* remote, out UdpAddress* local);
                _bytesReceived += length;
                budget -= length;
                for (int at = 0; at < length; at += segment)
                {
                    Dispatch(data + at, Math.Min(segment, length - at), remote, local, now);
                }
            }
        }
        while (count == _receiver.Capacity && budget > 0);
    }

    private void Dispatch(byte* data, int length, UdpAddress* remote, UdpAddress* local, long now)
    {
        if (remote->Port == 0 || length == 0)
        {
            _dropped++;
            return;
        }

        if ((data[0] & LongHeader) == 0)
        {
            if (length <= ConnectionId.OwnLength)
            {
                _dropped++;
                return;
            }

            var id = new ConnectionId(Unsafe.ReadUnaligned<ulong>(data + 1));
            Ngtcp2Connection? connection = Ids.Find(id) ?? FindByResetToken(data, length);
            if (connection is not null)
            {
                connection.Receive(data, length, remote, local, now);
            }
            else
            {
                AnswerUnknown(data, length, remote, local, now);
            }

            return;
        }

        DispatchLong(data, length, remote, local, now);
    }

    private Ngtcp2Connection? FindByResetToken(byte* data, int length)
    {
        const int MinReset = NgTcp2.MinStatelessResetRandomLength + NgTcp2.StatelessResetTokenLength;
        return length >= MinReset
            && ResetTokens.TryGetValue(
                Unsafe.ReadUnaligned<UInt128>(data + length - NgTcp2.StatelessResetTokenLength), out var connection)
            ? connection
            : null;
    }

    private void DispatchLong(byte* data, int length, UdpAddress* remote, UdpAddress* local, long now)
    {
        NgVersionCid ids;
        int result = NgTcp2.ngtcp2_pkt_decode_version_cid(&ids, data, (nuint)length, ConnectionId.OwnLength);
        if (result == NgTcp2Error.VersionNegotiation)
        {
            AnswerVersion(&ids, remote, local, now);
            return;
        }

        if (result != 0 || ids.DestinationCidLength > NgCid.MaxLength)
        {
            _dropped++;
            return;
        }

        var id = new ConnectionId(ids.DestinationCid, (int)ids.DestinationCidLength);
        Ngtcp2Connection? connection = Ids.Find(id) ?? TryAccept(data, length, remote, local, now);
        connection?.Receive(data, length, remote, local, now);
    }

    /// <summary>
    /// ICMP told that datagrams did not arrive. Only believed by a connection that is being dialed: anybody can forge
    /// it.
    /// </summary>
    private void ReadErrors()
    {
        while (Socket.TryReadError(out UdpAddress remote, out int error))
        {
            if (error is UdpNative.ConnectionRefused or UdpNative.HostUnreachable or UdpNative.NetworkUnreachable)
            {
                foreach (Ngtcp2Connection connection in _connections)
                {
                    if (connection.IsDialing(&remote))
                    {
                        connection.FailUnreachable(error);
                    }
                }
            }
        }
    }
}
