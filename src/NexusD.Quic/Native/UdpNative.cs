using System.Runtime.InteropServices;

namespace NexusD.Quic.Native;

/// <summary>
/// The socket calls of Linux that .NET's Socket does not offer: UDP GSO and GRO, packet info, the error queue (udp(7),
/// ip(7), ipv6(7)).
/// </summary>
internal static unsafe class UdpNative
{
    public const string Library = "libc";

    public const int Datagram = 2;
    public const int CloseOnExec = 0x80000;
    public const int NonBlocking = 0x800;
    public const int MessageErrorQueue = 0x2000;
    public const int MessageNoSignal = 0x4000;

    public const int LevelSocket = 1;
    public const int LevelIp = 0;
    public const int LevelUdp = 17;
    public const int LevelIpv6 = 41;

    public const int SendBuffer = 7;
    public const int ReceiveBuffer = 8;
    public const int SendBufferForce = 32;
    public const int ReceiveBufferForce = 33;
    public const int IpPacketInfo = 8;
    public const int IpMtuDiscover = 10;
    public const int IpReceiveError = 11;
    public const int Ipv6MtuDiscover = 23;
    public const int Ipv6ReceiveError = 25;
    public const int Ipv6Only = 26;
    public const int Ipv6ReceivePacketInfo = 49;
    public const int Ipv6PacketInfo = 50;

    /// <summary>IP_PMTUDISC_PROBE: set "don't fragment" and let QUIC find the path MTU (RFC 9000 section 14).</summary>
    public const int MtuProbe = 3;

    public const int UdpSegment = 103;
    public const int UdpGro = 104;

    public const int NoPermission = 1;
    public const int Interrupted = 4;
    public const int InputOutput = 5;
    public const int Again = 11;
    public const int Invalid = 22;
    public const int NetworkUnreachable = 101;
    public const int ConnectionRefused = 111;
    public const int HostUnreachable = 113;

    /// <summary>struct msghdr.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Message
    {
        public UdpAddress* Name;
        public uint NameLength;
        public NgVec* Vectors;
        public nuint VectorCount;
        public byte* Control;
        public nuint ControlLength;
        public int Flags;
    }

    /// <summary>struct mmsghdr.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct BatchMessage
    {
        public Message Header;
        public uint Length;
    }

    /// <summary>struct cmsghdr; the payload follows.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct ControlHeader
    {
        public nuint Length;
        public int Level;
        public int Type;
    }

    [DllImport(Library)]
    public static extern int socket(int family, int type, int protocol);

    [DllImport(Library)]
    public static extern int bind(int fd, UdpAddress* address, uint length);

    [DllImport(Library)]
    public static extern int getsockname(int fd, UdpAddress* address, uint* length);

    [DllImport(Library)]
    public static extern int setsockopt(int fd, int level, int option, void* value, uint length);

    [DllImport(Library)]
    public static extern int recvmmsg(int fd, BatchMessage* messages, uint count, int flags, void* timeout);

    [DllImport(Library)]
    public static extern nint recvmsg(int fd, Message* message, int flags);

    [DllImport(Library)]
    public static extern nint sendmsg(int fd, Message* message, int flags);

    [DllImport(Library)]
    public static extern int sendmmsg(int fd, BatchMessage* messages, uint count, int flags);

    [DllImport(Library)]
    public static extern int close(int fd);

    public static bool TrySetOption(int fd, int level, int option, int value) =>
        setsockopt(fd, level, option, &value, sizeof(int)) == 0;
}
