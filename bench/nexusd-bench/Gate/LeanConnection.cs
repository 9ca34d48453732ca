using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using NexusD.Protocol;
using NexusD.Protocol.App;
using NexusD.Protocol.Frames;
using NexusD.Protocol.Greetings;
using NexusdClient;

namespace NexusdBench.Gate;

/// <summary>
/// The app protocol over a blocking socket on one thread, with nothing between: frames are made and read where they
/// lie. Shows what a daemon carries when the client costs next to nothing.
/// </summary>
internal sealed unsafe class LeanConnection : IDisposable
{
    private const short PollIn = 1;
    private const int NoSignal = 0x4000; // MSG_NOSIGNAL
    private const int Interrupted = 4; // EINTR
    private const int HandshakeMilliseconds = 10_000;

    private readonly Socket _socket;
    private readonly int _descriptor;
    private byte[] _in;
    private int _inStart;
    private int _inEnd;

    /// <summary>Connects and shakes hands.</summary>
    /// <param name="url">unix:PATH, tcp:HOST:PORT or HOST:PORT.</param>
    /// <param name="receiveBytes">Size of the receive buffer; a longer frame cannot be read.</param>
    /// <exception cref="NexusdException">No daemon, or it refused.</exception>
    internal LeanConnection(string url, int receiveBytes)
    {
        var endPoint = EndPointOf(url);
        var isUnix = endPoint is UnixDomainSocketEndPoint;
        _socket = new Socket(
            endPoint.AddressFamily, SocketType.Stream, isUnix ? ProtocolType.Unspecified : ProtocolType.Tcp);
        try
        {
            if (!isUnix)
            {
                _socket.NoDelay = true;
            }

            _socket.Connect(endPoint);
        }
        catch (SocketException e)
        {
            _socket.Dispose();
            throw new ConnectionException($"Cannot connect to {url}: {e.Message}. Is nexusd running there?", e);
        }

        _descriptor = (int)_socket.Handle;
        _in = GC.AllocateUninitializedArray<byte>(receiveBytes, pinned: true);
        Greet();
    }

    /// <summary>Aliases that the daemon takes from this client.</summary>
    internal int MaxAliases { get; private set; }

    /// <summary>What came and was not used yet.</summary>
    internal ReadOnlySpan<byte> Pending => _in.AsSpan(_inStart, _inEnd - _inStart);

    internal void Use(int bytes)
    {
        _inStart += bytes;
        if (_inStart == _inEnd)
        {
            _inStart = _inEnd = 0;
        }
    }

    /// <summary>Waits for bytes and reads once; false when none came in time.</summary>
    /// <exception cref="NexusdException">The daemon closed the connection.</exception>
    internal bool Fill(int milliseconds)
    {
        var wanted = new PollDescriptor { Descriptor = _descriptor, Events = PollIn };
        if (poll(&wanted, 1, milliseconds) <= 0)
        {
            return false;
        }

        if (_inStart > 0)
        {
            Pending.CopyTo(_in);
            _inEnd -= _inStart;
            _inStart = 0;
        }

        var read = recv(_descriptor, Address(_in) + _inEnd, (nuint)(_in.Length - _inEnd), 0);
        if (read <= 0)
        {
            throw new NexusdException("The daemon closed the connection.");
        }

        _inEnd += (int)read;
        return true;
    }

    /// <summary>Sends the first bytes of a pinned array, however long it takes.</summary>
    /// <exception cref="NexusdException">The daemon closed the connection.</exception>
    internal void SendAll(byte[] pinned, int bytes)
    {
        for (var sent = 0; sent < bytes;)
        {
            var taken = send(_descriptor, Address(pinned) + sent, (nuint)(bytes - sent), NoSignal);
            if (taken < 0 && Marshal.GetLastPInvokeError() != Interrupted)
            {
                throw new NexusdException("The daemon closed the connection.");
            }

            sent += (int)Math.Max(taken, 0);
        }
    }

    /// <summary>The next whole frame; the caller uses it up before it asks for the next.</summary>
    /// <exception cref="NexusdException">The stream lost step, or the daemon sent an error.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal bool TryCut(out FrameHeader header, out ReadOnlySpan<byte> frame)
    {
        var status = FrameHeader.TryCut(Pending, _in.Length, out header);
        if (status == FrameStatus.Complete)
        {
            frame = Pending[..header.FrameBytes];
            if (header.Kind == FrameKind.Error)
            {
                ThrowRefused(frame);
            }

            return true;
        }

        frame = default;
        return status == FrameStatus.NeedMore
            ? false
            : throw new NexusdException($"The daemon sent a frame that is {status}.");
    }

    /// <summary>Gives up the receive buffer of a connection that will not read any more.</summary>
    internal void StopReading() => _in = [];

    public void Dispose() => _socket.Dispose();

    internal static EndPoint EndPointOf(string url)
    {
        if (url.StartsWith("unix:", StringComparison.Ordinal))
        {
            return new UnixDomainSocketEndPoint(url[5..]);
        }

        var address = url.StartsWith("tcp:", StringComparison.Ordinal) ? url[4..] : url;
        return IPEndPoint.TryParse(address.Replace("localhost:", "127.0.0.1:", StringComparison.Ordinal), out var point)
            && point.Port > 0
            ? point
            : throw new BenchUsageException($"--url is '{url}'; it must be unix:PATH or tcp:ADDRESS:PORT.");
    }

    private void Greet()
    {
        var name = Encoding.UTF8.GetBytes("nexusd-bench");
        var hello = new HelloFrame { ClientName = name, MaxAliases = ProtocolLimits.LargestMaxAliases };
        var bytes = GC.AllocateUninitializedArray<byte>(ClientGreeting.Size + hello.FrameBytes, pinned: true);
        new ClientGreeting(ProtocolLimits.Version, ProtocolLimits.Version).Write(bytes);
        hello.Write(bytes.AsSpan(ClientGreeting.Size));
        SendAll(bytes, bytes.Length);
        while (Pending.Length < DaemonGreeting.Size)
        {
            Await();
        }

        if (DaemonGreeting.TryRead(Pending, out _) != ErrorCode.None)
        {
            throw new NexusdException("That is no nexusd: its greeting is another protocol's.");
        }

        Use(DaemonGreeting.Size);
        ReadOnlySpan<byte> frame;
        while (!TryCut(out _, out frame))
        {
            Await();
        }

        if (WelcomeFrame.TryRead(frame, out var welcome) != ErrorCode.None)
        {
            throw new NexusdException("The daemon's welcome is malformed.");
        }

        MaxAliases = (int)Math.Min(welcome.MaxAliases, int.MaxValue - 1);
        Use(frame.Length);
    }

    private void Await()
    {
        if (!Fill(HandshakeMilliseconds))
        {
            throw new NexusdException("The daemon did not answer within 10 s.");
        }
    }

    private static void ThrowRefused(ReadOnlySpan<byte> frame)
    {
        throw new NexusdException(ErrorFrame.TryRead(frame, out var error) == ErrorCode.None
            ? $"The daemon refused: {Encoding.UTF8.GetString(error.Text)}"
            : "The daemon sent a malformed error.");
    }

    private static byte* Address(byte[] pinned) =>
        (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(pinned));

    [DllImport("libc", SetLastError = true)]
    private static extern int poll(PollDescriptor* descriptors, nuint count, int milliseconds);

    [DllImport("libc", SetLastError = true)]
    private static extern nint recv(int descriptor, byte* buffer, nuint length, int flags);

    [DllImport("libc", SetLastError = true)]
    private static extern nint send(int descriptor, byte* buffer, nuint length, int flags);

    /// <summary>struct pollfd.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct PollDescriptor
    {
        internal int Descriptor;
        internal short Events;
        internal short Returned;
    }
}
