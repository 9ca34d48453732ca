using System.Runtime.InteropServices;

namespace NexusD.Quic.Native;

/// <summary>
/// ngtcp2_settings, version 2. Times in nanoseconds. Out-of-range values abort the process: fill it from checked
/// options only.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NgSettings
{
    public const int Version = 2;
    public const int CongestionCubic = 1;
    public const int TokenUnknown = 0;
    public const int TokenRetry = 1;

    public void* QlogWrite;
    public int CongestionAlgorithm;
    public ulong InitialTimestamp;
    public ulong InitialRtt;
    public void* LogPrintf;
    public nuint MaxTxUdpPayloadSize;
    public byte* Token;
    public nuint TokenLength;
    public int TokenType;
    public void* RandomContext;
    public ulong MaxWindow;
    public ulong MaxStreamWindow;
    public nuint AckThreshold;
    public byte NoTxUdpPayloadSizeShaping;
    public ulong HandshakeTimeout;
    public uint* PreferredVersions;
    public nuint PreferredVersionsLength;
    public uint* AvailableVersions;
    public nuint AvailableVersionsLength;
    public uint OriginalVersion;
    public byte NoPmtud;
    public uint InitialPacketNumber;
    public ushort* PmtudProbes;
    public nuint PmtudProbesLength;
}

/// <summary>ngtcp2_transport_params, version 1 (RFC 9000 section 18.2). Times in nanoseconds.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NgTransportParameters
{
    public const int Version = 1;

    public NgPreferredAddress PreferredAddress;
    public NgCid OriginalDestinationCid;
    public NgCid InitialSourceCid;
    public NgCid RetrySourceCid;
    public ulong InitialMaxStreamDataBidiLocal;
    public ulong InitialMaxStreamDataBidiRemote;
    public ulong InitialMaxStreamDataUni;
    public ulong InitialMaxData;
    public ulong InitialMaxStreamsBidi;
    public ulong InitialMaxStreamsUni;
    public ulong MaxIdleTimeout;
    public ulong MaxUdpPayloadSize;
    public ulong ActiveConnectionIdLimit;
    public ulong AckDelayExponent;
    public ulong MaxAckDelay;
    public ulong MaxDatagramFrameSize;
    public byte StatelessResetTokenPresent;
    public byte DisableActiveMigration;
    public byte OriginalDestinationCidPresent;
    public byte InitialSourceCidPresent;
    public byte RetrySourceCidPresent;
    public byte PreferredAddressPresent;
    public fixed byte StatelessResetToken[NgTcp2.StatelessResetTokenLength];
    public byte GreaseQuicBit;
    public NgVersionInformation VersionInformation;
    public byte VersionInformationPresent;
}

/// <summary>ngtcp2_preferred_addr; we never offer one, so only its size matters.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NgPreferredAddress
{
    public NgCid Cid;
    public fixed byte Ipv4[16];
    public fixed byte Ipv6[28];
    public byte Ipv4Present;
    public byte Ipv6Present;
    public fixed byte StatelessResetToken[NgTcp2.StatelessResetTokenLength];
}

/// <summary>ngtcp2_version_info (RFC 9368).</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NgVersionInformation
{
    public uint ChosenVersion;
    public byte* AvailableVersions;
    public nuint AvailableVersionsLength;
}
