using System.Runtime.InteropServices;
using NexusD.Quic.Native;

namespace NexusD.Quic.Ngtcp2;

/// <summary>
/// Collects outgoing packets in one native buffer and sends those of equal size to one peer with one system call (UDP
/// GSO, else sendmmsg). A packet that is larger, or for another path, starts a new send. When the socket is full the
/// packets wait here and <see cref="Blocked"/> says so: nobody may write more until <see cref="Flush"/> succeeds.
/// </summary>
internal sealed unsafe class PacketBatch : IDisposable
{
    private const int BufferBytes = 128 * 1024;

    /// <summary>
    /// Limit of one UDP_SEGMENT send: the kernel's 64 segments, and one IP packet's length with room for an IPv6
    /// header.
    /// </summary>
    private const int MaxSegments = 64;
    private const int MaxSendBytes = 65_487;
    private const int MaxQueued = 64;
    private const int ControlBytes = 64;

    private readonly UdpSocket _socket;
    private readonly byte* _buffer;
    private readonly byte* _control;
    private readonly UdpNative.BatchMessage* _messages;
    private readonly NgVec* _vectors;
    private readonly Run[] _runs = new Run[MaxQueued];
    private int _runCount;
    private int _end;

    public PacketBatch(UdpSocket socket)
    {
        _socket = socket;
        _buffer = (byte*)NativeMemory.AlignedAlloc(BufferBytes, 64);
        _control = (byte*)NativeMemory.AllocZeroed(ControlBytes);
        _messages = (UdpNative.BatchMessage*)NativeMemory.AllocZeroed(
            MaxSegments, (nuint)sizeof(UdpNative.BatchMessage));
        _vectors = (NgVec*)NativeMemory.AllocZeroed(MaxSegments, (nuint)sizeof(NgVec));
    }

    /// <summary>Whether the socket took no more; packets wait.</summary>
    public bool Blocked { get; private set; }

    /// <summary>Bytes of UDP payload handed to the kernel.</summary>
    public long BytesSent { get; private set; }

    /// <summary>The last error that lost packets; 0 when none since it was reset.</summary>
    public int LastError { get; set; }

    /// <summary>Where to write the next packet; valid after <see cref="TryReserve"/>.</summary>
    public byte* Next => _buffer + _end;

    /// <summary>
    /// Makes room for a packet, sending what is there if need be. False while the socket takes no more.
    /// </summary>
    public bool TryReserve(int maxPacketBytes)
    {
        if (!Blocked && (BufferBytes - _end < maxPacketBytes || _runCount == MaxQueued))
        {
            Flush();
        }

        return !Blocked;
    }

    /// <summary>Adds the packet that was written at <see cref="Next"/>.</summary>
    public void Commit(int length, UdpAddress* remote, UdpAddress* local)
    {
        if (_runCount > 0)
        {
            ref Run last = ref _runs[_runCount - 1];
            if (!last.Ended && length <= last.Segment && last.Count < MaxSegments
                && last.Length + length <= MaxSendBytes && Same(ref last, remote, local))
            {
                last.Length += length;
                last.Count++;
                last.Ended = length < last.Segment;
                _end += length;
                return;
            }
        }

        _runs[_runCount++] = new Run
        {
            Start = _end,
            Length = length,
            Segment = length,
            Count = 1,
            Remote = *remote,
            Local = *local,
        };
        _end += length;
    }

    /// <summary>Sends everything. False when the socket takes no more; try again when it is writable.</summary>
    public bool Flush()
    {
        int done = 0;
        Blocked = false;
        while (done < _runCount && Send(ref _runs[done]))
        {
            done++;
        }

        if (done < _runCount)
        {
            Blocked = true;
            Array.Copy(_runs, done, _runs, 0, _runCount - done);
            _runCount -= done;
            return false;
        }

        _runCount = 0;
        _end = 0;
        return true;
    }

    /// <summary>Sends one packet of our own making at once, outside the batch; lost when the socket is full.</summary>
    public void SendAlone(byte* packet, int length, UdpAddress* remote, UdpAddress* local)
    {
        var run = new Run { Length = length, Segment = length, Count = 1, Remote = *remote, Local = *local };
        SendRun(ref run, packet);
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(_buffer);
        NativeMemory.Free(_control);
        NativeMemory.Free(_messages);
        NativeMemory.Free(_vectors);
    }

    private static bool Same(ref Run run, UdpAddress* remote, UdpAddress* local)
    {
        fixed (UdpAddress* runRemote = &run.Remote, runLocal = &run.Local)
        {
            return UdpAddress.Same(runRemote, remote) && UdpAddress.Same(runLocal, local);
        }
    }

    private bool Send(ref Run run)
    {
        while (run.Count > 0)
        {
            int error = SendRun(ref run, _buffer + run.Start);
            if (error == UdpNative.Again)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>
    /// Sends a run or its beginning and takes it off the run. Returns the error, 0 when none; on most errors the
    /// packets count as lost.
    /// </summary>
    private int SendRun(ref Run run, byte* data)
    {
        UdpAddress remote = run.Remote;
        bool refused = false;
        for (int attempt = 0; ; attempt++)
        {
            bool offload = run.Count > 1 && _socket.SegmentationOffload && !refused;
            int sent = offload || run.Count == 1
                ? SendOne(ref run, data, &remote, offload)
                : SendMany(ref run, data, &remote);
            if (sent > 0)
            {
                BytesSent += run.Take(sent);
                return 0;
            }

            int error = Marshal.GetLastSystemError();
            if (error == UdpNative.Again)
            {
                return error;
            }

            if (offload && error is UdpNative.InputOutput or UdpNative.Invalid)
            {
                // EIO: the device cannot compute checksums, so never (udp(7)). EINVAL: this size does not fit this
                // route.
                _socket.SegmentationOffload &= error != UdpNative.InputOutput;
                refused = true;
                continue;
            }

            if (attempt > 0)
            {
                // Anything else is a lost packet to QUIC: too big for the path, no route, refused by a firewall.
                LastError = error;
                run.Count = 0;
                return error;
            }
        }
    }

    private int SendOne(ref Run run, byte* data, UdpAddress* remote, bool offload)
    {
        var vector = new NgVec { Base = data, Length = (nuint)run.Length };
        var message = new UdpNative.Message
        {
            Name = remote,
            NameLength = remote->Length,
            Vectors = &vector,
            VectorCount = 1,
            Control = _control,
            ControlLength = (nuint)WriteControl(ref run, offload),
        };
        return UdpNative.sendmsg(_socket.Fd, &message, UdpNative.MessageNoSignal) < 0 ? -1 : run.Count;
    }

    private int SendMany(ref Run run, byte* data, UdpAddress* remote)
    {
        int control = WriteControl(ref run, offload: false);
        for (int i = 0; i < run.Count; i++)
        {
            int at = i * run.Segment;
            _vectors[i] = new NgVec { Base = data + at, Length = (nuint)Math.Min(run.Segment, run.Length - at) };
            _messages[i].Header = new UdpNative.Message
            {
                Name = remote,
                NameLength = remote->Length,
                Vectors = &_vectors[i],
                VectorCount = 1,
                Control = _control,
                ControlLength = (nuint)control,
            };
        }

        return UdpNative.sendmmsg(_socket.Fd, _messages, (uint)run.Count, UdpNative.MessageNoSignal);
    }

    /// <summary>
    /// Ancillary data: the segment size for GSO, and the address to send from on a socket bound to all. Returns its
    /// length.
    /// </summary>
    private int WriteControl(ref Run run, bool offload)
    {
        int at = 0;
        if (offload)
        {
            var header = (UdpNative.ControlHeader*)_control;
            *header = new UdpNative.ControlHeader
            {
                Length = (nuint)(sizeof(UdpNative.ControlHeader) + sizeof(ushort)),
                Level = UdpNative.LevelUdp,
                Type = UdpNative.UdpSegment,
            };
            *(ushort*)(header + 1) = (ushort)run.Segment;
            at = sizeof(UdpNative.ControlHeader) + sizeof(ulong);
        }

        if (_socket.TellsLocalAddress && !run.Local.IsWildcard)
        {
            at += WritePacketInfo((UdpNative.ControlHeader*)(_control + at), ref run.Local);
        }

        return at;
    }

    private static int WritePacketInfo(UdpNative.ControlHeader* header, ref UdpAddress local)
    {
        byte* data = (byte*)(header + 1);
        bool ipv4 = local.Family == UdpAddress.FamilyIpv4;
        int payload = ipv4 ? 12 : 20; // in_pktinfo {index, source, -}; in6_pktinfo {source, index}
        *header = new UdpNative.ControlHeader
        {
            Length = (nuint)(sizeof(UdpNative.ControlHeader) + payload),
            Level = ipv4 ? UdpNative.LevelIp : UdpNative.LevelIpv6,
            Type = ipv4 ? UdpNative.IpPacketInfo : UdpNative.Ipv6PacketInfo,
        };
        NativeMemory.Clear(data, 24);
        if (ipv4)
        {
            *(uint*)(data + 4) = local.Ipv4;
        }
        else
        {
            fixed (byte* source = local.Ipv6)
            {
                NativeMemory.Copy(source, data, 16);
            }
        }

        return sizeof(UdpNative.ControlHeader) + ((payload + 7) & ~7);
    }

    /// <summary>
    /// Packets that can leave together: equal sizes but for the last, one path, next to each other in the buffer.
    /// </summary>
    private struct Run
    {
        public int Start;
        public int Length;
        public int Segment;
        public int Count;
        public bool Ended;
        public UdpAddress Remote;
        public UdpAddress Local;

        /// <summary>Takes off packets that were sent; returns their bytes.</summary>
        public int Take(int packets)
        {
            int bytes = packets >= Count ? Length : packets * Segment;
            Start += bytes;
            Length -= bytes;
            Count -= Math.Min(packets, Count);
            return bytes;
        }
    }
}
