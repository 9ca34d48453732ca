using System.Net;

namespace NexusD.Discovery.Multicast;

/// <summary>How <see cref="BeaconAgent"/> gets its datagrams out.</summary>
internal interface IBeaconSender
{
    /// <summary>Sends to the group on every interface in use.</summary>
    void SendToGroup(ReadOnlySpan<byte> datagram);

    /// <summary>Sends to one address.</summary>
    void SendTo(ReadOnlySpan<byte> datagram, IPEndPoint receiver);
}
