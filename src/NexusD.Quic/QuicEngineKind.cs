namespace NexusD.Quic;

/// <summary>The engines that can carry QUIC.</summary>
public enum QuicEngineKind
{
    /// <summary>ngtcp2 with GnuTLS, driven by the caller's loop.</summary>
    Ngtcp2,

    /// <summary>System.Net.Quic on libmsquic, with threads of its own.</summary>
    MsQuic,
}
