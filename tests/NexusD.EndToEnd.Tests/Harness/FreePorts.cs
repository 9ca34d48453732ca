using System.Net;
using System.Net.Sockets;

namespace NexusD.EndToEnd.Tests.Harness;

/// <summary>
/// UDP ports that were free a moment ago, for programs that must know each other's port before they start.
/// </summary>
internal static class FreePorts
{
    public static int[] Udp(int count)
    {
        var sockets = new List<UdpClient>();
        try
        {
            for (int i = 0; i < count; i++)
            {
                sockets.Add(new UdpClient(new IPEndPoint(IPAddress.Loopback, 0)));
            }

            return [.. sockets.Select(s => ((IPEndPoint)s.Client.LocalEndPoint!).Port)];
        }
        finally
        {
            sockets.ForEach(s => s.Dispose());
        }
    }
}
