using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace NexusdBench;

/// <summary>Asks the kernel which process listens at a Unix socket.</summary>
internal static class SocketOwner
{
    private const int LevelSocket = 1; // SOL_SOCKET
    private const int PeerCredentials = 17; // SO_PEERCRED
    private const string UnixScheme = "unix:";

    /// <summary>The process id; null when the address is no Unix socket or the process is out of sight.</summary>
    internal static int? PidOf(string? address)
    {
        if (!OperatingSystem.IsLinux() || address is null || !address.StartsWith(UnixScheme, StringComparison.Ordinal))
        {
            return null;
        }

        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(address[UnixScheme.Length..]));
            Span<byte> credentials = stackalloc byte[12]; // struct ucred: pid, uid, gid
            socket.GetRawSocketOption(LevelSocket, PeerCredentials, credentials);
            var pid = MemoryMarshal.Read<int>(credentials);
            return pid > 0 && Directory.Exists($"/proc/{pid}") ? pid : null;
        }
        catch (SocketException)
        {
            return null; // The run itself will tell that nobody is there.
        }
    }
}
