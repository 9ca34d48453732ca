using System.Net;
using System.Net.Sockets;
using System.Reflection;
using Xunit.Sdk;

namespace NexusD.Quic.Tests.Support;

/// <summary>One row of a theory: the engine. Skipped with the reason when it is not installed.</summary>
public abstract class EngineDataAttribute : DataAttribute
{
    private readonly QuicEngineKind _kind;

    protected EngineDataAttribute(QuicEngineKind kind)
    {
        _kind = kind;
        if (!QuicEndpoint.IsAvailable(kind, out string reason))
        {
            Skip = reason;
        }
    }

    /// <summary>Skips where the kernel has IPv6 switched off.</summary>
    public bool NeedsIpv6
    {
        get;
        set
        {
            field = value;
            if (value && !HasIpv6())
            {
                Skip ??= "The kernel has IPv6 switched off.";
            }
        }
    }

    public override IEnumerable<object[]> GetData(MethodInfo testMethod) => [[_kind]];

    private static bool HasIpv6()
    {
        try
        {
            using var socket = new Socket(AddressFamily.InterNetworkV6, SocketType.Dgram, ProtocolType.Udp);
            socket.Bind(new IPEndPoint(IPAddress.IPv6Loopback, 0));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}

/// <summary>Runs a theory with the ngtcp2 engine, or shows loudly why it could not.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class Ngtcp2Attribute() : EngineDataAttribute(QuicEngineKind.Ngtcp2);

/// <summary>Runs a theory with System.Net.Quic, or shows loudly why it could not.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class MsQuicAttribute() : EngineDataAttribute(QuicEngineKind.MsQuic);
