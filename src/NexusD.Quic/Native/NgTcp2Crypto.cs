using System.Runtime.InteropServices;

namespace NexusD.Quic.Native;

/// <summary>
/// The functions of libngtcp2_crypto_gnutls that we call (ngtcp2/ngtcp2_crypto.h, ngtcp2_crypto_gnutls.h).
/// </summary>
internal static unsafe class NgTcp2Crypto
{
    public const string Library = "ngtcp2_crypto_gnutls";

    /// <summary>First byte of the tokens that <see cref="ngtcp2_crypto_generate_retry_token2"/> makes.</summary>
    public const byte RetryTokenMagic = 0xb7;

    /// <summary>Longest token of that kind: magic, address, CID with its length, time, AEAD tag, randomness.</summary>
    public const int MaxRetryTokenLength = 1 + UdpAddress.Size + 1 + NgCid.MaxLength + sizeof(ulong) + 16 + 16;

    public const int UnreadableToken = -202;

    [DllImport(Library)]
    public static extern int ngtcp2_crypto_gnutls_configure_server_session(nint session);

    [DllImport(Library)]
    public static extern int ngtcp2_crypto_gnutls_configure_client_session(nint session);

    [DllImport(Library)]
    public static extern int ngtcp2_crypto_generate_stateless_reset_token(
        byte* token, byte* secret, nuint secretLength, NgCid* cid);

    [DllImport(Library)]
    public static extern nint ngtcp2_crypto_generate_retry_token2(
        byte* token, byte* secret, nuint secretLength, uint version, UdpAddress* remote, uint remoteLength,
        NgCid* retryScid, NgCid* originalDcid, ulong now);

    [DllImport(Library)]
    public static extern int ngtcp2_crypto_verify_retry_token2(
        NgCid* originalDcid, byte* token, nuint tokenLength, byte* secret, nuint secretLength, uint version,
        UdpAddress* remote, uint remoteLength, NgCid* dcid, ulong timeout, ulong now);

    [DllImport(Library)]
    public static extern nint ngtcp2_crypto_write_retry(
        byte* dest, nuint destLength, uint version, NgCid* dcid, NgCid* scid, NgCid* originalDcid,
        byte* token, nuint tokenLength);

    [DllImport(Library)]
    public static extern nint ngtcp2_crypto_write_connection_close(
        byte* dest, nuint destLength, uint version, NgCid* dcid, NgCid* scid, ulong errorCode,
        byte* reason, nuint reasonLength);
}
