using System.Runtime.InteropServices;

namespace NexusD.Transport.Native;

/// <summary>socket(7) calls as they are; constants are those of Linux on x86-64 and arm64, which agree.</summary>
internal static unsafe class Libc
{
    public const int AddressFamilyUnix = 1;
    public const int AddressFamilyInet = 2;
    public const int AddressFamilyInet6 = 10;
    public const int SocketStream = 1;
    public const int SocketNonBlocking = 0x800;
    public const int SocketCloseOnExec = 0x80000;

    public const int LevelSocket = 1;
    public const int OptionReuseAddress = 2;
    public const int OptionSendBuffer = 7;
    public const int OptionReceiveBuffer = 8;
    public const int OptionPeerCredentials = 17;
    public const int LevelTcp = 6;
    public const int OptionTcpNoDelay = 1;
    public const int LevelIpv6 = 41;
    public const int OptionIpv6Only = 26;

    public const int NoSignal = 0x4000;
    public const int ShutdownWrite = 1;

    [StructLayout(LayoutKind.Sequential)]
    public struct IoVector
    {
        public byte* Base;
        public nuint Length;
    }

    /// <summary>struct msghdr of 64-bit glibc.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct MessageHeader
    {
        public void* Name;
        public uint NameLength;
        public IoVector* Vectors;
        public nuint VectorCount;
        public void* Control;
        public nuint ControlLength;
        public int Flags;
    }

    /// <summary>
    /// The part of struct statx (256 bytes) that is read here; it is laid out alike on every architecture.
    /// </summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    public struct FileStatus
    {
        [FieldOffset(28)]
        public ushort Mode;

        [FieldOffset(32)]
        public ulong Inode;
    }

    /// <summary>errno of the last call below that failed, on this thread.</summary>
    public static int LastError => Marshal.GetLastPInvokeError();

    [DllImport("libc", SetLastError = true)]
    public static extern int socket(int family, int type, int protocol);

    [DllImport("libc", SetLastError = true)]
    public static extern int bind(int fd, void* address, uint length);

    [DllImport("libc", SetLastError = true)]
    public static extern int listen(int fd, int backlog);

    [DllImport("libc", SetLastError = true)]
    public static extern int connect(int fd, void* address, uint length);

    [DllImport("libc", SetLastError = true)]
    public static extern int accept4(int fd, void* address, uint* length, int flags);

    [DllImport("libc", SetLastError = true)]
    public static extern int getsockname(int fd, void* address, uint* length);

    [DllImport("libc", SetLastError = true)]
    public static extern int getpeername(int fd, void* address, uint* length);

    [DllImport("libc", SetLastError = true)]
    public static extern int setsockopt(int fd, int level, int option, void* value, uint length);

    [DllImport("libc", SetLastError = true)]
    public static extern int getsockopt(int fd, int level, int option, void* value, uint* length);

    [DllImport("libc", SetLastError = true)]
    public static extern nint recv(int fd, void* buffer, nuint length, int flags);

    [DllImport("libc", SetLastError = true)]
    public static extern nint readv(int fd, IoVector* vectors, int count);

    [DllImport("libc", SetLastError = true)]
    public static extern nint send(int fd, void* buffer, nuint length, int flags);

    [DllImport("libc", SetLastError = true)]
    public static extern nint sendmsg(int fd, MessageHeader* message, int flags);

    [DllImport("libc", SetLastError = true)]
    public static extern int shutdown(int fd, int how);

    [DllImport("libc", SetLastError = true)]
    public static extern int close(int fd);

    [DllImport("libc", SetLastError = true)]
    public static extern int chmod(byte* path, uint mode);

    [DllImport("libc", SetLastError = true)]
    public static extern int statx(int directory, byte* path, int flags, uint mask, FileStatus* status);
}
