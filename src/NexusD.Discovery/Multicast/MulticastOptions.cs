using System.Net;

namespace NexusD.Discovery.Multicast;

/// <summary>Where beacons go and come.</summary>
/// <param name="Group">IPv4 multicast group.</param>
/// <param name="Port">UDP port, 1 to 65535; shared by all daemons of a host.</param>
/// <param name="Interfaces">Interfaces by name or address; empty: all that are up, and loopback when none is.</param>
public sealed record MulticastOptions(IPAddress Group, int Port, IReadOnlyList<string> Interfaces);
