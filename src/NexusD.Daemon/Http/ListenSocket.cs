using System.Net;
using System.Net.Sockets;

namespace NexusD.Daemon.Http;

/// <summary>Takes the HTTP ports before the server is made, so that each can fail in its own way.</summary>
internal static class ListenSocket
{
    /// <summary>Opens, binds and listens; the server begins to accept.</summary>
    /// <param name="address">IPv6 any stands for every address of the host, IPv4 too.</param>
    /// <param name="port">0 takes any free one.</param>
    /// <exception cref="SocketException">The port is in use, or the address is not of this host.</exception>
    public static Socket Bind(IPAddress address, int port)
    {
        bool any = address.Equals(IPAddress.IPv6Any);
        IPAddress real = any && !Socket.OSSupportsIPv6 ? IPAddress.Any : address;
        var socket = new Socket(real.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (real.AddressFamily == AddressFamily.InterNetworkV6)
            {
                socket.DualMode = any;
            }

            socket.Bind(new IPEndPoint(real, port));
            socket.Listen(); // bound is not enough: the port is only taken once somebody listens
            return socket;
        }
        catch (SocketException)
        {
            socket.Dispose();
            throw;
        }
    }
}
