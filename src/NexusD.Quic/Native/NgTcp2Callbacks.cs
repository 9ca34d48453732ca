using System.Runtime.InteropServices;

namespace NexusD.Quic.Native;

/// <summary>
/// ngtcp2_callbacks, version 1: addresses of C functions, in the order of the header. Null means not wanted.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NgCallbacks
{
    public const int Version = 1;

    public void* ClientInitial;
    public void* RecvClientInitial;
    public void* RecvCryptoData;
    public delegate* unmanaged[Cdecl]<nint, nint, int> HandshakeCompleted;
    public void* RecvVersionNegotiation;
    public void* Encrypt;
    public void* Decrypt;
    public void* HpMask;
    public delegate* unmanaged[Cdecl]<nint, uint, long, ulong, byte*, nuint, nint, nint, int> RecvStreamData;
    public delegate* unmanaged[Cdecl]<nint, long, ulong, ulong, nint, nint, int> AckedStreamDataOffset;
    public delegate* unmanaged[Cdecl]<nint, long, nint, int> StreamOpen;
    public delegate* unmanaged[Cdecl]<nint, uint, long, ulong, nint, nint, int> StreamClose;
    public delegate* unmanaged[Cdecl]<nint, void*, nint, int> RecvStatelessReset;
    public void* RecvRetry;
    public delegate* unmanaged[Cdecl]<nint, ulong, nint, int> ExtendMaxLocalStreamsBidi;
    public delegate* unmanaged[Cdecl]<nint, ulong, nint, int> ExtendMaxLocalStreamsUni;
    public delegate* unmanaged[Cdecl]<byte*, nuint, void*, void> Rand;
    public delegate* unmanaged[Cdecl]<nint, NgCid*, byte*, nuint, nint, int> GetNewConnectionId;
    public delegate* unmanaged[Cdecl]<nint, NgCid*, nint, int> RemoveConnectionId;
    public void* UpdateKey;
    public void* PathValidation;
    public void* SelectPreferredAddress;
    public delegate* unmanaged[Cdecl]<nint, long, ulong, ulong, nint, nint, int> StreamReset;
    public void* ExtendMaxRemoteStreamsBidi;
    public void* ExtendMaxRemoteStreamsUni;
    public delegate* unmanaged[Cdecl]<nint, long, ulong, nint, nint, int> ExtendMaxStreamData;
    public delegate* unmanaged[Cdecl]<nint, int, ulong, NgCid*, byte*, nint, int> DcidStatus;
    public void* HandshakeConfirmed;
    public void* RecvNewToken;
    public void* DeleteCryptoAeadCtx;
    public void* DeleteCryptoCipherCtx;
    public void* RecvDatagram;
    public void* AckDatagram;
    public void* LostDatagram;
    public void* GetPathChallengeData;
    public void* StreamStopSending;
    public void* VersionNegotiation;
    public void* RecvRxKey;
    public void* RecvTxKey;
    public void* TlsEarlyDataRejected;
}
