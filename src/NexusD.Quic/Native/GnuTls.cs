using System.Runtime.InteropServices;

namespace NexusD.Quic.Native;

/// <summary>
/// The functions of libgnutls that we call (gnutls/gnutls.h, 3.7). Handles are opaque pointers as <see cref="nint"/>.
/// </summary>
internal static unsafe class GnuTls
{
    public const string Library = "gnutls";

    public const uint Server = 1;
    public const uint Client = 1 << 1;
    public const uint ForceClientCertificate = 1 << 9;
    public const uint NoTickets = 1 << 10;
    public const uint NoAutoSendTicket = 1 << 21;
    public const uint NoEndOfEarlyData = 1 << 22;

    public const int CredentialsCertificate = 1;
    public const int FormatPem = 1;
    public const uint AlpnMandatory = 1;
    public const int NameDns = 1;

    /// <summary>gnutls_certificate_request_t: ask, but go on without.</summary>
    public const int CertificateRequest = 1;

    /// <summary>gnutls_certificate_request_t: refuse a client without one.</summary>
    public const int CertificateRequire = 2;

    /// <summary>gnutls_vdata_types_t of <see cref="TypedData"/>.</summary>
    public const int DataDnsHostName = 1;
    public const int DataKeyPurposeOid = 2;

    /// <summary>gnutls_rnd_level_t for nonces: unpredictable, the cheapest level.</summary>
    public const int RandomNonce = 0;
    public const int RandomKey = 2;

    /// <summary>gnutls_datum_t.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Datum
    {
        public byte* Data;
        public uint Size;
    }

    /// <summary>gnutls_typed_vdata_st: one thing to check of a peer's certificate.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct TypedData
    {
        public int Type;
        public byte* Data;
        public uint Size;
    }

    [DllImport(Library)]
    public static extern byte* gnutls_check_version(byte* required);

    [DllImport(Library)]
    public static extern byte* gnutls_strerror(int error);

    [DllImport(Library)]
    public static extern byte* gnutls_alert_get_name(int alert);

    [DllImport(Library)]
    public static extern int gnutls_rnd(int level, void* data, nuint length);

    [DllImport(Library)]
    public static extern int gnutls_certificate_allocate_credentials(nint* credentials);

    [DllImport(Library)]
    public static extern void gnutls_certificate_free_credentials(nint credentials);

    [DllImport(Library)]
    public static extern int gnutls_certificate_set_x509_key_mem(
        nint credentials, Datum* certificate, Datum* key, int format);

    [DllImport(Library)]
    public static extern int gnutls_certificate_set_x509_trust_mem(nint credentials, Datum* authorities, int format);

    [DllImport(Library)]
    public static extern int gnutls_priority_init(nint* priority, byte* text, byte** errorPosition);

    [DllImport(Library)]
    public static extern int gnutls_init(nint* session, uint flags);

    [DllImport(Library)]
    public static extern void gnutls_deinit(nint session);

    [DllImport(Library)]
    public static extern int gnutls_priority_set(nint session, nint priority);

    [DllImport(Library)]
    public static extern void gnutls_session_set_ptr(nint session, void* pointer);

    [DllImport(Library)]
    public static extern int gnutls_credentials_set(nint session, int type, nint credentials);

    [DllImport(Library)]
    public static extern int gnutls_alpn_set_protocols(nint session, Datum* protocols, uint count, uint flags);

    [DllImport(Library)]
    public static extern int gnutls_alpn_get_selected_protocol(nint session, Datum* protocol);

    [DllImport(Library)]
    public static extern void gnutls_certificate_server_set_request(nint session, int request);

    [DllImport(Library)]
    public static extern int gnutls_server_name_set(nint session, int type, byte* name, nuint length);

    /// <summary>
    /// The session keeps the pointer to <paramref name="data"/>: it must stay in place until the handshake is over.
    /// </summary>
    [DllImport(Library)]
    public static extern void gnutls_session_set_verify_cert2(nint session, TypedData* data, uint count, uint flags);

    [DllImport(Library)]
    public static extern uint gnutls_session_get_verify_cert_status(nint session);

    [DllImport(Library)]
    public static extern Datum* gnutls_certificate_get_peers(nint session, uint* count);

    /// <summary>GnuTLS's own words for one of its error codes.</summary>
    public static string ErrorText(int error) => Marshal.PtrToStringUTF8((nint)gnutls_strerror(error)) ?? "";

    /// <summary>The name of a TLS alert (RFC 8446 section 6).</summary>
    public static string AlertName(int alert) =>
        Marshal.PtrToStringUTF8((nint)gnutls_alert_get_name(alert)) ?? $"alert {alert}";

    /// <summary>Fills <paramref name="data"/> with bytes that nobody can predict.</summary>
    /// <exception cref="InvalidOperationException">The system's source of randomness failed.</exception>
    public static void Random(int level, Span<byte> data)
    {
        fixed (byte* pointer = data)
        {
            if (gnutls_rnd(level, pointer, (nuint)data.Length) != 0)
            {
                throw new InvalidOperationException("GnuTLS could not get random bytes from the system.");
            }
        }
    }
}
