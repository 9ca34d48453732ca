using System.Net;

namespace NexusD.Discovery.Multicast;

/// <summary>An IPv4 address of this host and the interface that has it.</summary>
/// <param name="Name">Interface name: <c>eth0</c>.</param>
/// <param name="Index">The kernel's number of the interface; a new one when the interface is made anew.</param>
/// <param name="Address">One of its IPv4 addresses.</param>
/// <param name="IsLoopback">Reaches this host only.</param>
/// <param name="IsRunning">Up, with a carrier.</param>
/// <param name="CanMulticast">Says of itself that it can multicast; loopback does not say so and can.</param>
internal readonly record struct HostInterface(
    string Name, int Index, IPAddress Address, bool IsLoopback, bool IsRunning, bool CanMulticast);
