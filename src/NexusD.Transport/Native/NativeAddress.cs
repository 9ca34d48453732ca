using System.Buffers.Binary;
using System.Net;
using System.Text;

namespace NexusD.Transport.Native;

/// <summary>struct sockaddr_un, sockaddr_in and sockaddr_in6 as bytes.</summary>
internal unsafe struct NativeAddress
{
    /// <summary>Room for the largest of them.</summary>
    public const int Capacity = 128;

    /// <summary>Longest path of a Unix socket in bytes (unix(7): 108 with the closing NUL).</summary>
    public const int MaxUnixPathBytes = 107;

    private const int PathOffset = 2;

    public fixed byte Bytes[Capacity];
    public uint Length;

    public readonly int Family => BitConverter.ToUInt16([Bytes[0], Bytes[1]]);

    /// <exception cref="ArgumentException">The path is empty or too long for a socket.</exception>
    public static NativeAddress OfUnix(string path)
    {
        int pathBytes = Encoding.UTF8.GetByteCount(path);
        if (pathBytes is 0 or > MaxUnixPathBytes)
        {
            throw new ArgumentException(
                $"The socket path '{path}' has {pathBytes} bytes; 1 to {MaxUnixPathBytes} are possible. "
                + "Choose another one.",
                nameof(path));
        }

        var address = new NativeAddress();
        BitConverter.TryWriteBytes(new Span<byte>(address.Bytes, 2), (ushort)Libc.AddressFamilyUnix);
        Encoding.UTF8.GetBytes(path, new Span<byte>(address.Bytes + PathOffset, MaxUnixPathBytes));
        address.Length = (uint)(PathOffset + pathBytes + 1);
        return address;
    }

    public static NativeAddress OfTcp(IPEndPoint endPoint)
    {
        bool v6 = endPoint.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6;
        var address = new NativeAddress { Length = v6 ? 28u : 16u };
        var bytes = new Span<byte>(address.Bytes, Capacity);
        BitConverter.TryWriteBytes(bytes, (ushort)(v6 ? Libc.AddressFamilyInet6 : Libc.AddressFamilyInet));
        BinaryPrimitives.WriteUInt16BigEndian(bytes[2..], (ushort)endPoint.Port);
        endPoint.Address.TryWriteBytes(bytes[(v6 ? 8 : 4)..], out _);
        if (v6)
        {
            BitConverter.TryWriteBytes(bytes[24..], (uint)endPoint.Address.ScopeId);
        }

        return address;
    }

    /// <summary>The address as an IP end point; null for a Unix socket.</summary>
    public readonly IPEndPoint? ToIPEndPoint()
    {
        fixed (byte* start = Bytes)
        {
            var bytes = new ReadOnlySpan<byte>(start, Capacity);
            int port = BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]);
            return Family switch
            {
                Libc.AddressFamilyInet => new IPEndPoint(new IPAddress(bytes.Slice(4, 4)), port),
                Libc.AddressFamilyInet6 =>
                    new IPEndPoint(new IPAddress(bytes.Slice(8, 16), BitConverter.ToUInt32(bytes[24..])), port),
                _ => null,
            };
        }
    }
}
