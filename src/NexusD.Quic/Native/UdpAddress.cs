using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace NexusD.Quic.Native;

/// <summary>
/// struct sockaddr_in or sockaddr_in6 of Linux in one fixed place (ip(7), ipv6(7)); as large as ngtcp2_sockaddr_union.
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = 4)]
internal unsafe struct UdpAddress
{
    public const int Size = 28;
    public const ushort FamilyIpv4 = 2;
    public const ushort FamilyIpv6 = 10;

    private const int Ipv4Length = 16;

    public ushort Family;

    /// <summary>Network byte order, like everything below.</summary>
    public ushort Port;

    /// <summary>The IPv4 address, or the flow label of IPv6.</summary>
    public uint Ipv4;

    public fixed byte Ipv6[16];
    public uint ScopeId;

    /// <summary>Bytes in use for the family; 0 when there is no address.</summary>
    public readonly uint Length => Family switch { FamilyIpv4 => Ipv4Length, FamilyIpv6 => Size, _ => 0 };

    /// <summary>Whether the address part is all zeros: bound to every address of the host.</summary>
    public bool IsWildcard
    {
        get
        {
            if (Family == FamilyIpv4)
            {
                return Ipv4 == 0;
            }

            fixed (byte* bytes = Ipv6)
            {
                return !new ReadOnlySpan<byte>(bytes, 16).ContainsAnyExcept((byte)0);
            }
        }
    }

    /// <summary>
    /// Converts; with <paramref name="mapped"/> an IPv4 address becomes ::ffff:a.b.c.d for a socket that serves both.
    /// </summary>
    public static UdpAddress From(IPEndPoint endPoint, bool mapped)
    {
        IPAddress address = mapped ? endPoint.Address.MapToIPv6() : endPoint.Address;
        UdpAddress result = default;
        result.Port = BinaryPrimitives.ReverseEndianness((ushort)endPoint.Port);
        if (address.AddressFamily == AddressFamily.InterNetwork)
        {
            result.Family = FamilyIpv4;
            address.TryWriteBytes(new Span<byte>(&result.Ipv4, 4), out _);
        }
        else
        {
            result.Family = FamilyIpv6;
            address.TryWriteBytes(new Span<byte>(result.Ipv6, 16), out _);
            result.ScopeId = (uint)address.ScopeId;
        }

        return result;
    }

    /// <summary>Converts back; a mapped IPv4 address becomes IPv4 again.</summary>
    public IPEndPoint ToEndPoint()
    {
        int port = BinaryPrimitives.ReverseEndianness(Port);
        if (Family == FamilyIpv4)
        {
            return new IPEndPoint(new IPAddress(Ipv4), port);
        }

        fixed (byte* bytes = Ipv6)
        {
            var address = new IPAddress(new ReadOnlySpan<byte>(bytes, 16), ScopeId);
            return new IPEndPoint(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address, port);
        }
    }

    /// <summary>Same family, address and port.</summary>
    public static bool Same(UdpAddress* a, UdpAddress* b)
    {
        if (a->Family != b->Family || a->Port != b->Port)
        {
            return false;
        }

        return a->Family == FamilyIpv4
            ? a->Ipv4 == b->Ipv4
            : Unsafe.ReadUnaligned<UInt128>(a->Ipv6) == Unsafe.ReadUnaligned<UInt128>(b->Ipv6)
                && a->ScopeId == b->ScopeId;
    }
}
