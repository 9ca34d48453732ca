using System.ComponentModel;
using System.Text;

namespace NexusD.Transport.Native;

/// <summary>The file that a Unix socket leaves behind: found stale, removed, given its mode.</summary>
internal static unsafe class UnixSocketFile
{
    private const int CurrentDirectory = -100; // AT_FDCWD
    private const int DoNotFollow = 0x100; // AT_SYMLINK_NOFOLLOW
    private const uint TypeModeInode = 0x103; // STATX_TYPE | STATX_MODE | STATX_INO
    private const int TypeMask = 0xF000;
    private const int TypeSocket = 0xC000;

    /// <summary>Removes a socket file that nobody listens on any more, as a killed daemon leaves it.</summary>
    /// <exception cref="IOException">Somebody listens there, the file is no socket, or there is no such
    /// directory.</exception>
    public static void RemoveStale(string path, in NativeAddress address)
    {
        if (!TryGetStatus(path, out Libc.FileStatus status))
        {
            string directory = Path.GetDirectoryName(Path.GetFullPath(path)) ?? "/";
            if (!Directory.Exists(directory))
            {
                throw new IOException(
                    $"The directory '{directory}' of the socket '{path}' does not exist; create it first.");
            }

            return;
        }

        if ((status.Mode & TypeMask) != TypeSocket)
        {
            throw new IOException($"'{path}' exists and is no socket; remove it or choose another socket path.");
        }

        int error = TryConnect(address);
        if (error is 0 or Errno.Again)
        {
            throw new IOException($"Another process listens on '{path}'; stop it or choose another socket path.");
        }

        if (error != Errno.ConnectionRefused)
        {
            throw new IOException($"The socket '{path}' cannot be replaced: {new Win32Exception(error).Message}.");
        }

        File.Delete(path);
    }

    /// <summary>Removes the file, unless another process has put its own socket there meanwhile.</summary>
    public static void RemoveOwn(string path, ulong inode)
    {
        if (TryGetStatus(path, out Libc.FileStatus status) && status.Inode == inode)
        {
            File.Delete(path);
        }
    }

    /// <summary>Sets the mode and returns the inode, by which the file is known again.</summary>
    public static ulong SetMode(string path, UnixFileMode mode)
    {
        fixed (byte* name = ToNative(path))
        {
            if (Libc.chmod(name, (uint)mode) != 0)
            {
                throw new Win32Exception(Libc.LastError, $"cannot set the mode of '{path}'");
            }
        }

        return TryGetStatus(path, out Libc.FileStatus status) ? status.Inode : 0;
    }

    private static bool TryGetStatus(string path, out Libc.FileStatus status)
    {
        fixed (byte* name = ToNative(path))
        fixed (Libc.FileStatus* result = &status)
        {
            return Libc.statx(CurrentDirectory, name, DoNotFollow, TypeModeInode, result) == 0;
        }
    }

    private static byte[] ToNative(string path) => Encoding.UTF8.GetBytes(path + '\0');

    private static int TryConnect(in NativeAddress address)
    {
        int fd = Libc.socket(
            Libc.AddressFamilyUnix, Libc.SocketStream | Libc.SocketNonBlocking | Libc.SocketCloseOnExec, 0);
        if (fd < 0)
        {
            return Libc.LastError;
        }

        int error;
        fixed (NativeAddress* target = &address)
        {
            error = Libc.connect(fd, target->Bytes, target->Length) == 0 ? 0 : Libc.LastError;
        }

        _ = Libc.close(fd);
        return error;
    }
}
