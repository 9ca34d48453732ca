using System.ComponentModel;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using NexusD.Quic.Native;

namespace NexusD.Quic.Ngtcp2;

/// <summary>
/// One non-blocking UDP socket: opens and tunes it, knows what the kernel offers, reads its error queue. Datagrams go
/// in through <see cref="UdpReceiver"/> and out through <see cref="PacketBatch"/>.
/// </summary>
internal sealed unsafe class UdpSocket : IDisposable
{
    private const int WantedBufferBytes = 4 * 1024 * 1024;
    private const int ErrorControlBytes = 256;

    private readonly bool _dualStack;

    /// <exception cref="SocketException">The address cannot be bound.</exception>
    public UdpSocket(IPEndPoint bind, bool offload)
    {
        bool ipv6 = bind.AddressFamily == AddressFamily.InterNetworkV6;
        _dualStack = ipv6 && bind.Address.Equals(IPAddress.IPv6Any);
        UdpAddress address = UdpAddress.From(bind, mapped: false);
        Fd = UdpNative.socket(
            address.Family, UdpNative.Datagram | UdpNative.CloseOnExec | UdpNative.NonBlocking, protocol: 0);
        if (Fd < 0)
        {
            throw Failure($"No UDP socket for {bind}");
        }

        try
        {
            Tune(ipv6, address.IsWildcard);
            Bind(bind, address);
            SegmentationOffload = offload && UdpNative.TrySetOption(Fd, UdpNative.LevelUdp, UdpNative.UdpSegment, 0);
            ReceiveOffload = offload && UdpNative.TrySetOption(Fd, UdpNative.LevelUdp, UdpNative.UdpGro, 1);
        }
        catch
        {
            _ = UdpNative.close(Fd);
            throw;
        }
    }

    public int Fd { get; }

    /// <summary>The bound address with its real port.</summary>
    public UdpAddress Local { get; private set; }

    public bool IsIpv6 => Local.Family == UdpAddress.FamilyIpv6;

    /// <summary>
    /// Whether datagrams carry the address they were sent to, so that answers leave from the same one.
    /// </summary>
    public bool TellsLocalAddress { get; private set; }

    /// <summary>Whether UDP_SEGMENT works; cleared for good when the kernel or the device refuses a send.</summary>
    public bool SegmentationOffload { get; set; }

    public bool ReceiveOffload { get; }

    /// <summary>Whether an address of this family can be reached through this socket.</summary>
    public bool TryMakeRemote(IPEndPoint endPoint, out UdpAddress address)
    {
        bool ipv4 = endPoint.AddressFamily == AddressFamily.InterNetwork;
        address = UdpAddress.From(endPoint, mapped: ipv4 && _dualStack);
        return address.Family == Local.Family;
    }

    /// <summary>
    /// Takes one entry off the error queue (ICMP unreachable and the like). False when it is empty.
    /// <paramref name="remote"/> is where the failed datagram was going.
    /// </summary>
    public bool TryReadError(out UdpAddress remote, out int error)
    {
        UdpAddress name = default;
        byte* control = stackalloc byte[ErrorControlBytes];
        byte payload;
        var vector = new NgVec { Base = &payload, Length = 1 };
        var message = new UdpNative.Message
        {
            Name = &name,
            NameLength = UdpAddress.Size,
            Vectors = &vector,
            VectorCount = 1,
            Control = control,
            ControlLength = ErrorControlBytes,
        };
        error = 0;
        if (UdpNative.recvmsg(Fd, &message, UdpNative.MessageErrorQueue) < 0)
        {
            remote = default;
            return false;
        }

        remote = name;
        for (int at = 0; at + sizeof(UdpNative.ControlHeader) <= (int)message.ControlLength;)
        {
            var header = (UdpNative.ControlHeader*)(control + at);
            if (header->Length < (nuint)sizeof(UdpNative.ControlHeader))
            {
                break;
            }

            if ((header->Level == UdpNative.LevelIp && header->Type == UdpNative.IpReceiveError)
                || (header->Level == UdpNative.LevelIpv6 && header->Type == UdpNative.Ipv6ReceiveError))
            {
                error = *(int*)(header + 1); // sock_extended_err.ee_errno
            }

            at += ((int)header->Length + 7) & ~7;
        }

        return true;
    }

    public void Dispose() => _ = UdpNative.close(Fd);

    private static SocketException Failure(string what)
    {
        int error = Marshal.GetLastSystemError();
        return new SocketException((int)SocketError.SocketError, $"{what}: {new Win32Exception(error).Message}.");
    }

    private void Tune(bool ipv6, bool wildcard)
    {
        // Without privilege the kernel silently caps at net.core.rmem_max and wmem_max.
        SetBuffer(UdpNative.ReceiveBufferForce, UdpNative.ReceiveBuffer);
        SetBuffer(UdpNative.SendBufferForce, UdpNative.SendBuffer);
        if (ipv6)
        {
            UdpNative.TrySetOption(Fd, UdpNative.LevelIpv6, UdpNative.Ipv6Only, _dualStack ? 0 : 1);
            UdpNative.TrySetOption(Fd, UdpNative.LevelIpv6, UdpNative.Ipv6MtuDiscover, UdpNative.MtuProbe);
            UdpNative.TrySetOption(Fd, UdpNative.LevelIpv6, UdpNative.Ipv6ReceiveError, 1);
        }

        // Also for IPv4 packets through an IPv6 socket.
        UdpNative.TrySetOption(Fd, UdpNative.LevelIp, UdpNative.IpMtuDiscover, UdpNative.MtuProbe);
        UdpNative.TrySetOption(Fd, UdpNative.LevelIp, UdpNative.IpReceiveError, 1);
        if (wildcard)
        {
            TellsLocalAddress = ipv6
                ? UdpNative.TrySetOption(Fd, UdpNative.LevelIpv6, UdpNative.Ipv6ReceivePacketInfo, 1)
                : UdpNative.TrySetOption(Fd, UdpNative.LevelIp, UdpNative.IpPacketInfo, 1);
        }
    }

    private void SetBuffer(int force, int ordinary)
    {
        if (!UdpNative.TrySetOption(Fd, UdpNative.LevelSocket, force, WantedBufferBytes))
        {
            UdpNative.TrySetOption(Fd, UdpNative.LevelSocket, ordinary, WantedBufferBytes);
        }
    }

    private void Bind(IPEndPoint wanted, UdpAddress address)
    {
        if (UdpNative.bind(Fd, &address, address.Length) != 0)
        {
            throw Failure($"Cannot bind UDP {wanted}");
        }

        UdpAddress local = default;
        uint length = UdpAddress.Size;
        if (UdpNative.getsockname(Fd, &local, &length) != 0)
        {
            throw Failure($"Cannot read the address of UDP {wanted}");
        }

        Local = local;
    }
}
