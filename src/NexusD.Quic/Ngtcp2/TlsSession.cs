using System.Runtime.InteropServices;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using NexusD.Quic.Native;

namespace NexusD.Quic.Ngtcp2;

/// <summary>
/// One TLS handshake in GnuTLS, tied to one connection. Owns the native memory that GnuTLS and the glue keep pointers
/// to: the back reference to the connection and what to check of the peer's certificate.
/// </summary>
internal sealed unsafe class TlsSession : IDisposable
{
    private const string ServerPurpose = "1.3.6.1.5.5.7.3.1"; // id-kp-serverAuth (RFC 5280 section 4.2.1.12)
    private const string ClientPurpose = "1.3.6.1.5.5.7.3.2"; // id-kp-clientAuth

    private readonly TlsContext _context;
    private readonly NgCryptoConnectionRef* _reference;
    private readonly byte* _checks;

    public TlsSession(TlsContext context, bool server, string? serverName)
    {
        _context = context;
        nint handle;
        uint flags = server
            ? GnuTls.Server | GnuTls.NoAutoSendTicket
            : GnuTls.Client | GnuTls.ForceClientCertificate;
        TlsContext.Check(
            GnuTls.gnutls_init(&handle, flags | GnuTls.NoTickets | GnuTls.NoEndOfEarlyData), "make a session");
        Handle = handle;
        context.Retain();
        _reference = (NgCryptoConnectionRef*)NativeMemory.AllocZeroed((nuint)sizeof(NgCryptoConnectionRef));
        _reference->GetConnection = &GetConnection;
        GnuTls.gnutls_session_set_ptr(handle, _reference);
        try
        {
            context.Configure(handle);
            int result = server
                ? NgTcp2Crypto.ngtcp2_crypto_gnutls_configure_server_session(handle)
                : NgTcp2Crypto.ngtcp2_crypto_gnutls_configure_client_session(handle);
            TlsContext.Check(result, "prepare a session for QUIC");
            _checks = server ? AskForCertificate() : CheckServer(serverName);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public nint Handle { get; }

    /// <summary>Tells the glue which connection this session belongs to.</summary>
    public void Attach(nint connection) => _reference->Connection = connection;

    /// <summary>The peer's own certificate, or null when it showed none.</summary>
    public X509Certificate2? GetPeerCertificate()
    {
        uint count = 0;
        GnuTls.Datum* first = GnuTls.gnutls_certificate_get_peers(Handle, &count);
        return first == null || count == 0
            ? null
            : X509CertificateLoader.LoadCertificate(new ReadOnlySpan<byte>(first->Data, (int)first->Size));
    }

    /// <summary>The protocol agreed on, empty before that.</summary>
    public string GetAlpn()
    {
        GnuTls.Datum datum = default;
        return GnuTls.gnutls_alpn_get_selected_protocol(Handle, &datum) < 0
            ? ""
            : Encoding.ASCII.GetString(new ReadOnlySpan<byte>(datum.Data, (int)datum.Size));
    }

    /// <summary>Why the peer's certificate was refused, or null when it was not.</summary>
    public string? GetCertificateComplaint()
    {
        const uint Untold = uint.MaxValue;
        uint status = GnuTls.gnutls_session_get_verify_cert_status(Handle);
        return status is 0 or Untold ? null : CertificateStatus.Describe(status);
    }

    /// <summary>Only after ngtcp2_conn_del: the connection uses the session until then.</summary>
    public void Dispose()
    {
        GnuTls.gnutls_deinit(Handle);
        NativeMemory.Free(_reference);
        NativeMemory.Free(_checks);
        _context.Release();
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(System.Runtime.CompilerServices.CallConvCdecl)])]
    private static nint GetConnection(NgCryptoConnectionRef* reference) => reference->Connection;

    private byte* AskForCertificate()
    {
        int request = _context.Authenticated ? GnuTls.CertificateRequire : GnuTls.CertificateRequest;
        GnuTls.gnutls_certificate_server_set_request(Handle, request);
        return _context.Authenticated ? SetChecks(hostName: null, ClientPurpose) : null;
    }

    private byte* CheckServer(string? serverName)
    {
        if (serverName is not null)
        {
            byte[] name = Encoding.ASCII.GetBytes(serverName);
            fixed (byte* bytes = name)
            {
                int result = GnuTls.gnutls_server_name_set(Handle, GnuTls.NameDns, bytes, (nuint)name.Length);
                TlsContext.Check(result, "set the server name");
            }
        }

        return _context.Authenticated ? SetChecks(serverName, ServerPurpose) : null;
    }

    /// <summary>
    /// Verifies the chain, the purpose and perhaps the name during the handshake. Returns the memory that GnuTLS refers
    /// to.
    /// </summary>
    private byte* SetChecks(string? hostName, string purpose)
    {
        byte[] texts = Encoding.ASCII.GetBytes($"{purpose}\0{hostName}\0");
        int headBytes = 2 * sizeof(GnuTls.TypedData);
        byte* memory = (byte*)NativeMemory.AllocZeroed((nuint)(headBytes + texts.Length));
        texts.CopyTo(new Span<byte>(memory + headBytes, texts.Length));
        var checks = (GnuTls.TypedData*)memory;
        checks[0] = new GnuTls.TypedData { Type = GnuTls.DataKeyPurposeOid, Data = memory + headBytes };
        checks[1] = new GnuTls.TypedData
        {
            Type = GnuTls.DataDnsHostName,
            Data = memory + headBytes + purpose.Length + 1,
        };
        GnuTls.gnutls_session_set_verify_cert2(Handle, checks, hostName is null ? 1u : 2u, 0);
        return memory;
    }
}
