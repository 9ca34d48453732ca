using System.ComponentModel;
using System.Net;
using NexusD.Loops;
using NexusD.Transport.Native;

namespace NexusD.Transport;

/// <summary>
/// Accepts connections on a Unix socket path or a TCP address. When the process or system is out of descriptors it
/// rests for a moment instead of spinning; waiting peers are accepted afterwards.
/// </summary>
public sealed unsafe class StreamListener : ILoopWatcher, IDisposable
{
    private const int Backlog = 1024;
    private const int AcceptsPerTurn = 64;
    private const long RestNs = 100_000_000;

    /// <summary>
    /// Asked of the kernel for Unix sockets, which have no window of their own; see net.core.wmem_max.
    /// </summary>
    private const int UnixBufferBytes = 512 * 1024;

    /// <summary>So much of a small memory budget; the kernel takes twice what it is asked for.</summary>
    private const int BuffersInBudget = 512;
    private const int LeastUnixBufferBytes = 32 * 1024;

    private readonly StreamTransport _transport;
    private readonly IStreamAcceptor _acceptor;
    private readonly int _fd;
    private readonly int _watch;
    private readonly LoopTimer _rest;
    private readonly ulong _inode;
    private long _accepted;
    private long _failures;
    private bool _stopped;

    private StreamListener(StreamTransport transport, IStreamAcceptor acceptor, int fd, string? path, ulong inode)
    {
        _transport = transport;
        _acceptor = acceptor;
        _fd = fd;
        _inode = inode;
        UnixPath = path;
        TcpEndPoint = path is null ? ReadEndPoint(fd) : null;
        _rest = transport.Loop.CreateTimer(() => transport.Loop.Rewatch(_watch, LoopEvents.Readable));
        _watch = transport.Loop.Watch(fd, LoopEvents.Readable, this);
    }

    /// <summary>Path of the Unix socket; null for TCP.</summary>
    public string? UnixPath { get; }

    /// <summary>The bound address with its real port; null for a Unix socket.</summary>
    public IPEndPoint? TcpEndPoint { get; }

    /// <summary>Connections accepted so far. Any thread.</summary>
    public long Accepted => Volatile.Read(ref _accepted);

    /// <summary>Times that a connection could not be accepted for want of descriptors or memory. Any thread.</summary>
    public long Failures => Volatile.Read(ref _failures);

    /// <summary>
    /// Listens on a Unix socket. A socket file left by a dead process is replaced. On the loop's thread or before it
    /// runs.
    /// </summary>
    /// <param name="transport">The loop's transport.</param>
    /// <param name="path">Path of the socket file, at most 107 bytes.</param>
    /// <param name="mode">Who may connect: those with write permission.</param>
    /// <param name="acceptor">Told of new connections.</param>
    /// <exception cref="IOException">The path is in use, is no socket, or its directory is missing.</exception>
    /// <exception cref="ArgumentException">The path is empty or too long.</exception>
    /// <exception cref="Win32Exception">The kernel refuses.</exception>
    public static StreamListener ListenUnix(
        StreamTransport transport, string path, UnixFileMode mode, IStreamAcceptor acceptor)
    {
        NativeAddress address = NativeAddress.OfUnix(path);
        UnixSocketFile.RemoveStale(path, address);
        int fd = Open(Libc.AddressFamilyUnix);
        try
        {
            Bind(fd, address, path);
            ulong inode = UnixSocketFile.SetMode(path, mode); // before listen: nobody can have connected yet
            Listen(fd, path);
            return new StreamListener(transport, acceptor, fd, path, inode);
        }
        catch
        {
            _ = Libc.close(fd);
            throw;
        }
    }

    /// <summary>Listens on a TCP address; port 0 takes a free one. On the loop's thread or before it runs.</summary>
    /// <exception cref="Win32Exception">The kernel refuses, for example because the port is in use.</exception>
    public static StreamListener ListenTcp(StreamTransport transport, IPEndPoint endPoint, IStreamAcceptor acceptor)
    {
        NativeAddress address = NativeAddress.OfTcp(endPoint);
        int fd = Open(address.Family);
        try
        {
            SetOption(fd, Libc.LevelSocket, Libc.OptionReuseAddress, 1);
            if (address.Family == Libc.AddressFamilyInet6)
            {
                SetOption(fd, Libc.LevelIpv6, Libc.OptionIpv6Only, 1);
            }

            Bind(fd, address, endPoint.ToString());
            Listen(fd, endPoint.ToString());
            return new StreamListener(transport, acceptor, fd, null, 0);
        }
        catch
        {
            _ = Libc.close(fd);
            throw;
        }
    }

    /// <summary>
    /// Accepts no more and removes the socket file; connections already accepted go on. On the loop's thread.
    /// </summary>
    public void Dispose()
    {
        if (_stopped)
        {
            return;
        }

        _stopped = true;
        _rest.Cancel();
        _transport.Loop.Unwatch(_watch);
        _ = Libc.close(_fd);
        if (UnixPath is not null)
        {
            UnixSocketFile.RemoveOwn(UnixPath, _inode);
        }
    }

    void ILoopWatcher.OnReady(LoopEvents events)
    {
        for (int i = 0; i < AcceptsPerTurn && !_stopped; i++)
        {
            int fd = Libc.accept4(_fd, null, null, Libc.SocketNonBlocking | Libc.SocketCloseOnExec);
            if (fd >= 0)
            {
                Accept(fd);
            }
            else if (!GoesOnAfter(Libc.LastError))
            {
                return;
            }
        }
    }

    private void Accept(int fd)
    {
        bool isUnix = UnixPath is not null;
        if (isUnix)
        {
            // What apps that do not read leave in the kernel is memory of this process like any other.
            long share = _transport.Pool.Budget.Limit / BuffersInBudget;
            TrySetOption(
                fd,
                Libc.LevelSocket,
                Libc.OptionSendBuffer,
                (int)Math.Clamp(share, LeastUnixBufferBytes, UnixBufferBytes));
        }
        else
        {
            TrySetOption(fd, Libc.LevelTcp, Libc.OptionTcpNoDelay, 1);
        }

        Volatile.Write(ref _accepted, _accepted + 1);
        var connection = new StreamConnection(_transport, fd, isUnix);
        try
        {
            _acceptor.OnAccepted(connection);
        }
        catch (Win32Exception)
        {
            // The kernel watches no more descriptors (fs.epoll.max_user_watches).
            connection.Abandon();
            Volatile.Write(ref _failures, _failures + 1);
        }
    }

    private bool GoesOnAfter(int error)
    {
        switch (error)
        {
            case Errno.Again:
                return false;
            case Errno.Interrupted or Errno.ConnectionAborted or Errno.Protocol:
                return true; // that peer is gone already
            default:
                // Out of descriptors or memory: the peer stays in the backlog, and asking again at once would spin.
                Volatile.Write(ref _failures, _failures + 1);
                _transport.Loop.Rewatch(_watch, LoopEvents.None);
                _rest.SetAt(_transport.Loop.NowNs + RestNs);
                return false;
        }
    }

    private static int Open(int family)
    {
        int fd = Libc.socket(family, Libc.SocketStream | Libc.SocketNonBlocking | Libc.SocketCloseOnExec, 0);
        return fd >= 0 ? fd : throw new Win32Exception(Libc.LastError, "cannot open a socket");
    }

    private static void Bind(int fd, in NativeAddress address, string name)
    {
        fixed (NativeAddress* bytes = &address)
        {
            if (Libc.bind(fd, bytes->Bytes, bytes->Length) != 0)
            {
                throw Failure("listen", name);
            }
        }
    }

    private static void Listen(int fd, string name)
    {
        if (Libc.listen(fd, Backlog) != 0)
        {
            throw Failure("listen", name);
        }
    }

    private static Win32Exception Failure(string verb, string name)
    {
        int error = Libc.LastError;
        return new Win32Exception(error, $"cannot {verb} on '{name}': {new Win32Exception(error).Message}");
    }

    private static void SetOption(int fd, int level, int option, int value)
    {
        if (!TrySetOption(fd, level, option, value))
        {
            throw new Win32Exception(Libc.LastError, $"cannot set socket option {level}/{option}");
        }
    }

    private static bool TrySetOption(int fd, int level, int option, int value) =>
        Libc.setsockopt(fd, level, option, &value, sizeof(int)) == 0;

    private static IPEndPoint? ReadEndPoint(int fd)
    {
        NativeAddress address = default;
        uint length = NativeAddress.Capacity;
        return Libc.getsockname(fd, address.Bytes, &length) == 0 ? address.ToIPEndPoint() : null;
    }
}
