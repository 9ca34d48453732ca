using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace NexusdClient.Connections;

/// <summary>
/// A connected byte stream to the daemon. One thread receives, one at a time sends; <see cref="Abort"/> may come from
/// any thread and ends both. The descriptor stays in blocking mode: a blocked call costs no hop through another thread.
/// </summary>
internal sealed class DaemonSocket : IDisposable
{
    private const int SocketBufferBytes = 1 << 20;

    private readonly Socket _socket;

    private DaemonSocket(Socket socket) => _socket = socket;

    /// <summary>Connects and blocks until it is done.</summary>
    /// <param name="endPoint">Where to.</param>
    /// <param name="abort">Ends the attempt.</param>
    /// <exception cref="SocketException">Refused, unreachable, or aborted.</exception>
    internal static DaemonSocket Connect(EndPoint endPoint, CancellationToken abort)
    {
        var isUnix = endPoint is UnixDomainSocketEndPoint;
        var socket = new Socket(
            endPoint.AddressFamily, SocketType.Stream, isUnix ? ProtocolType.Unspecified : ProtocolType.Tcp);
        try
        {
            if (!isUnix)
            {
                socket.NoDelay = true;
            }

            socket.SendBufferSize = SocketBufferBytes;
            using (abort.UnsafeRegister(static s => ((Socket)s!).Dispose(), socket))
            {
                socket.Connect(endPoint);
            }

            return new DaemonSocket(socket);
        }
        catch (ObjectDisposedException)
        {
            throw new SocketException((int)SocketError.OperationAborted);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Blocks until something came.</summary>
    /// <returns>
    /// Bytes written to the buffer; 0 when the connection ended or broke (<paramref name="error"/> says how).
    /// </returns>
    internal int Receive(Span<byte> buffer, out SocketError error)
    {
        try
        {
            return _socket.Receive(buffer, SocketFlags.None, out error);
        }
        catch (ObjectDisposedException)
        {
            error = SocketError.OperationAborted;
            return 0;
        }
    }

    /// <summary>Sends all, blocking while the daemon does not read.</summary>
    /// <returns>Whether all was sent.</returns>
    internal bool SendAll(ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            int sent;
            try
            {
                sent = _socket.Send(bytes, SocketFlags.None, out var error);
                if (error != SocketError.Success)
                {
                    return false;
                }
            }
            catch (ObjectDisposedException)
            {
                return false;
            }

            bytes = bytes[sent..];
        }

        return true;
    }

    /// <summary>Sends what can be sent without waiting.</summary>
    /// <returns>Bytes taken; 0: would wait; -1: the connection broke.</returns>
    internal int TrySend(ReadOnlySpan<byte> bytes)
    {
        if (!OperatingSystem.IsLinux())
        {
            return IsWritable() ? (SendAll(bytes) ? bytes.Length : -1) : 0;
        }

        var handle = _socket.SafeHandle;
        var held = false;
        try
        {
            handle.DangerousAddRef(ref held);
            return LinuxSend.TrySend((int)handle.DangerousGetHandle(), bytes);
        }
        catch (ObjectDisposedException)
        {
            return -1;
        }
        finally
        {
            if (held)
            {
                handle.DangerousRelease();
            }
        }
    }

    /// <summary>Ends the stream in both directions; blocked calls return. Any thread, any number of times.</summary>
    internal void Abort()
    {
        try
        {
            _socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Already gone: what was wanted.
        }
    }

    public void Dispose() => _socket.Dispose();

    private bool IsWritable()
    {
        try
        {
            return _socket.Poll(0, SelectMode.SelectWrite);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return false;
        }
    }
}

/// <summary>The one call that .NET does not offer: send without waiting on a descriptor in blocking mode.</summary>
internal static unsafe class LinuxSend
{
    private const int NoWait = 0x40;      // MSG_DONTWAIT
    private const int NoSignal = 0x4000;  // MSG_NOSIGNAL
    private const int Interrupted = 4;    // EINTR
    private const int WouldWait = 11;     // EAGAIN

    internal static int TrySend(int fd, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* start = bytes)
        {
            while (true)
            {
                var sent = Send(fd, start, (nuint)bytes.Length, NoWait | NoSignal);
                if (sent >= 0)
                {
                    return (int)sent;
                }

                var error = Marshal.GetLastPInvokeError();
                if (error != Interrupted)
                {
                    return error == WouldWait ? 0 : -1;
                }
            }
        }
    }

    [DllImport("libc", EntryPoint = "send", SetLastError = true)]
    private static extern nint Send(int fd, byte* bytes, nuint length, int flags);
}
