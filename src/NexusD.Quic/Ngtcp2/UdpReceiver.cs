using System.Runtime.InteropServices;
using NexusD.Quic.Native;

namespace NexusD.Quic.Ngtcp2;

/// <summary>
/// Reads datagrams in batches (recvmmsg). With GRO one message holds many datagrams of equal size from one sender, the
/// last one perhaps shorter. All memory is native and reused; what <see cref="Receive"/> filled is valid until the next
/// call.
/// </summary>
internal sealed unsafe class UdpReceiver : IDisposable
{
    private const int ArenaBytes = 512 * 1024;
    private const int OffloadSlotBytes = 64 * 1024;
    private const int MaxMessages = 64;
    private const int ControlBytes = 128;

    private readonly UdpSocket _socket;
    private readonly byte* _arena;
    private readonly byte* _controls;
    private readonly UdpNative.BatchMessage* _messages;
    private readonly NgVec* _vectors;
    private readonly UdpAddress* _names;
    private readonly UdpAddress* _locals;
    private readonly int _slots;

    /// <param name="socket">Where to read.</param>
    /// <param name="maxDatagramBytes">
    /// Largest datagram a peer may send; it is told to peers as a transport parameter.
    /// </param>
    public UdpReceiver(UdpSocket socket, int maxDatagramBytes)
    {
        _socket = socket;
        int slotBytes = socket.ReceiveOffload ? OffloadSlotBytes : Math.Max(2048, (maxDatagramBytes + 63) & ~63);
        MaxDatagramBytes = socket.ReceiveOffload ? OffloadSlotBytes : slotBytes;
        _slots = Math.Min(MaxMessages, ArenaBytes / slotBytes);
        _arena = (byte*)NativeMemory.AlignedAlloc((nuint)(_slots * slotBytes), 64);
        _controls = Allocate<byte>(_slots * ControlBytes);
        _messages = Allocate<UdpNative.BatchMessage>(_slots);
        _vectors = Allocate<NgVec>(_slots);
        _names = Allocate<UdpAddress>(_slots);
        _locals = Allocate<UdpAddress>(_slots);
        for (int i = 0; i < _slots; i++)
        {
            _vectors[i] = new NgVec { Base = _arena + (long)i * slotBytes, Length = (nuint)slotBytes };
            _messages[i].Header.Name = &_names[i];
            _messages[i].Header.Vectors = &_vectors[i];
            _messages[i].Header.VectorCount = 1;
            _messages[i].Header.Control = _controls + i * ControlBytes;
        }
    }

    /// <summary>The largest datagram that fits; longer ones are cut by the kernel and fail to decrypt.</summary>
    public int MaxDatagramBytes { get; }

    /// <summary>How many messages one call can return; fewer means the socket is drained.</summary>
    public int Capacity => _slots;

    /// <summary>
    /// Reads what is there, up to <see cref="Capacity"/> messages. 0 when there is nothing or a pending socket error
    /// was reported.
    /// </summary>
    public int Receive()
    {
        for (int i = 0; i < _slots; i++)
        {
            _messages[i].Header.NameLength = UdpAddress.Size;
            _messages[i].Header.ControlLength = ControlBytes;
        }

        // An error of an earlier send (IP_RECVERR) is reported here once; the second call gets the data.
        for (int attempt = 0; attempt < 2; attempt++)
        {
            int count = UdpNative.recvmmsg(_socket.Fd, _messages, (uint)_slots, 0, null);
            if (count >= 0)
            {
                return count;
            }

            if (Marshal.GetLastSystemError() == UdpNative.Again)
            {
                break;
            }
        }

        return 0;
    }

    /// <summary>Message <paramref name="index"/> of the last <see cref="Receive"/>.</summary>
    /// <param name="index">Below what Receive returned.</param>
    /// <param name="length">Bytes in all.</param>
    /// <param name="segment">Size of each datagram in it but the last.</param>
    /// <param name="remote">The sender.</param>
    /// <param name="local">The address it was sent to.</param>
    public byte* Get(int index, out int length, out int segment, out UdpAddress* remote, out UdpAddress* local)
    {
        UdpNative.BatchMessage* message = &_messages[index];
        length = (int)message->Length;
        segment = length;
        remote = &_names[index];
        local = &_locals[index];
        *local = _socket.Local;
        byte* control = message->Header.Control;
        int controlLength = (int)message->Header.ControlLength;
        for (int at = 0; at + sizeof(UdpNative.ControlHeader) <= controlLength;)
        {
            var header = (UdpNative.ControlHeader*)(control + at);
            if (header->Length < (nuint)sizeof(UdpNative.ControlHeader))
            {
                break;
            }

            byte* data = (byte*)(header + 1);
            switch ((header->Level, header->Type))
            {
                case (UdpNative.LevelUdp, UdpNative.UdpGro):
                    int size = *(int*)data;
                    segment = size > 0 ? size : length;
                    break;
                case (UdpNative.LevelIp, UdpNative.IpPacketInfo):
                    local->Ipv4 = *(uint*)(data + 8); // in_pktinfo.ipi_addr
                    break;
                case (UdpNative.LevelIpv6, UdpNative.Ipv6PacketInfo):
                    NativeMemory.Copy(data, local->Ipv6, 16);
                    break;
            }

            at += ((int)header->Length + 7) & ~7;
        }

        return _vectors[index].Base;
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(_arena);
        NativeMemory.Free(_controls);
        NativeMemory.Free(_messages);
        NativeMemory.Free(_vectors);
        NativeMemory.Free(_names);
        NativeMemory.Free(_locals);
    }

    private static T* Allocate<T>(int count)
        where T : unmanaged => (T*)NativeMemory.AllocZeroed((nuint)count, (nuint)sizeof(T));
}
