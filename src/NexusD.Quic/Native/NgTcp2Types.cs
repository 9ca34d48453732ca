using System.Runtime.InteropServices;

namespace NexusD.Quic.Native;

// Structs of ngtcp2/ngtcp2.h 1.11 that cross the border, field by field. Their sizes and offsets are checked by a test.

/// <summary>ngtcp2_cid: a connection ID of up to 20 bytes (RFC 9000 section 17.2).</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NgCid
{
    public const int MaxLength = 20;

    public nuint Length;
    public fixed byte Data[MaxLength];
}

/// <summary>ngtcp2_vec, the same as struct iovec.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NgVec
{
    public byte* Base;
    public nuint Length;
}

/// <summary>ngtcp2_pkt_info: the ECN mark of a datagram.</summary>
[StructLayout(LayoutKind.Sequential, Size = 8)]
internal struct NgPacketInfo
{
    public byte Ecn;
}

/// <summary>ngtcp2_pkt_hd: the decoded long header of a first packet.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NgPacketHeader
{
    public NgCid DestinationCid;
    public NgCid SourceCid;
    public long PacketNumber;
    public byte* Token;
    public nuint TokenLength;
    public nuint PacketNumberLength;
    public nuint Length;
    public uint Version;
    public byte Type;
    public byte Flags;
}

/// <summary>
/// ngtcp2_version_cid: the part of a header that every QUIC version shares (RFC 8999); points into the packet.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NgVersionCid
{
    public uint Version;
    public byte* DestinationCid;
    public nuint DestinationCidLength;
    public byte* SourceCid;
    public nuint SourceCidLength;
}

/// <summary>ngtcp2_addr: a borrowed socket address.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NgAddress
{
    public UdpAddress* Address;
    public uint Length;
}

/// <summary>ngtcp2_path: a pair of borrowed socket addresses.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NgPath
{
    public NgAddress Local;
    public NgAddress Remote;
    public void* UserData;
}

/// <summary>ngtcp2_conn_info, version 1. Times in nanoseconds.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct NgConnectionInfo
{
    public const int Version = 1;

    public ulong LatestRtt;
    public ulong MinRtt;
    public ulong SmoothedRtt;
    public ulong RttVariation;
    public ulong CongestionWindow;
    public ulong SlowStartThreshold;
    public ulong BytesInFlight;
}

/// <summary>ngtcp2_ccerr: why a connection closes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NgCloseError
{
    public const int Transport = 0;
    public const int Application = 1;
    public const int VersionNegotiation = 2;
    public const int IdleClose = 3;
    public const int DropConnection = 4;
    public const int Retry = 5;

    public int Type;
    public ulong ErrorCode;
    public ulong FrameType;
    public byte* Reason;
    public nuint ReasonLength;
}

/// <summary>
/// ngtcp2_crypto_conn_ref: how the TLS glue finds the connection of a session. Must not move while the session lives.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NgCryptoConnectionRef
{
    public delegate* unmanaged[Cdecl]<NgCryptoConnectionRef*, nint> GetConnection;

    /// <summary>Ours to use: the ngtcp2_conn itself.</summary>
    public nint Connection;
}

/// <summary>ngtcp2_info: what library is loaded.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NgInfo
{
    public int Age;
    public int VersionNumber;
    public byte* VersionText;
}
